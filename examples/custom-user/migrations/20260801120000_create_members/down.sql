DROP TABLE member_tokens;
DROP TABLE members;
