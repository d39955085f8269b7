-- The names of roles, with a comma between two. Users from before this step have none.
ALTER TABLE users ADD COLUMN roles TEXT NOT NULL DEFAULT '';
