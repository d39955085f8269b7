//! The part of `cargo metadata` that the checks need.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Fallible, process};

/// A workspace, with every package in its dependency tree.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Cargo's target directory.
    pub(crate) target: PathBuf,
    /// By package id.
    pub(crate) packages: BTreeMap<String, Package>,
}

/// One package, a member of the workspace or a dependency from outside.
#[derive(Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) rust_version: Option<String>,
    pub(crate) member: bool,
    pub(crate) publishable: bool,
    /// True if docs.rs builds its documentation with all features.
    pub(crate) documents_all_features: bool,
    /// Relative to the workspace, for a member.
    pub(crate) folder: PathBuf,
    pub(crate) features: Vec<String>,
    /// The names of all dependencies in the manifest, of every kind, optional or not.
    pub(crate) declared: Vec<String>,
    /// The dependencies in the manifest that only its tests need, each with the features that it asks for.
    pub(crate) dev_features: BTreeMap<String, Vec<String>>,
    /// Ids of the resolved dependencies that a build of this package needs.
    pub(crate) builds_with: Vec<String>,
    /// Ids of the resolved dev-dependencies.
    pub(crate) tests_with: Vec<String>,
    pub(crate) benches: Vec<String>,
    pub(crate) binaries: Vec<String>,
}

impl Workspace {
    /// The workspace around the current folder with all features, on all platforms.
    pub(crate) fn load() -> Fallible<Self> {
        let mut command = process::cargo(Path::new("."));
        Self::parse(&process::output(command.args([
            "metadata",
            "--format-version",
            "1",
            "--all-features",
        ]))?)
    }

    /// Another workspace, without its dependencies.
    pub(crate) fn load_manifest(root: &Path, manifest: &Path) -> Fallible<Self> {
        let mut command = process::cargo(root);
        command
            .args([
                "metadata",
                "--format-version",
                "1",
                "--no-deps",
                "--manifest-path",
            ])
            .arg(manifest);
        Self::parse(&process::output(&mut command)?)
    }

    fn parse(json: &str) -> Fallible<Self> {
        let json: Value = serde_json::from_str(json)?;
        let root = PathBuf::from(text(&json["workspace_root"]));
        let target = PathBuf::from(text(&json["target_directory"]));
        let members: BTreeSet<String> = texts(&json["workspace_members"]).collect();
        let mut packages = BTreeMap::new();
        for package in list(&json["packages"]) {
            let id = text(&package["id"]);
            let parsed = Package::parse(package, members.contains(&id), &root);
            packages.insert(id, parsed);
        }
        for node in list(&json["resolve"]["nodes"]) {
            let Some(package) = packages.get_mut(&text(&node["id"])) else {
                continue;
            };
            for dependency in list(&node["deps"]) {
                let only_tests = list(&dependency["dep_kinds"]).all(|kind| kind["kind"] == "dev");
                let edges = if only_tests {
                    &mut package.tests_with
                } else {
                    &mut package.builds_with
                };
                edges.push(text(&dependency["pkg"]));
            }
        }
        Ok(Self {
            root,
            target,
            packages,
        })
    }

    /// The packages of this workspace, in the order of their names.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&String, &Package)> {
        let mut members: Vec<_> = self
            .packages
            .iter()
            .filter(|(_, package)| package.member)
            .collect();
        members.sort_by_key(|(_, package)| &package.name);
        members.into_iter()
    }

    /// Every package below those of `from`, themselves included, that a build needs.
    pub(crate) fn below<'a>(&'a self, from: impl IntoIterator<Item = &'a String>) -> Vec<&'a Package> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&String> = from.into_iter().collect();
        while let Some(id) = open.pop() {
            if let Some(package) = self.packages.get(id)
                && seen.insert(id)
            {
                open.extend(&package.builds_with);
            }
        }
        seen.into_iter().filter_map(|id| self.packages.get(id)).collect()
    }
}

impl Package {
    fn parse(json: &Value, member: bool, root: &Path) -> Self {
        let manifest = PathBuf::from(text(&json["manifest_path"]));
        let folder = manifest
            .parent()
            .and_then(|folder| folder.strip_prefix(root).ok())
            .unwrap_or(Path::new(""));
        let targets = |kind: &str| {
            let of_kind =
                list(&json["targets"]).filter(|target| texts(&target["kind"]).any(|text| text == kind));
            of_kind.map(|target| text(&target["name"])).collect()
        };
        Self {
            name: text(&json["name"]),
            version: text(&json["version"]),
            rust_version: json["rust_version"].as_str().map(str::to_owned),
            member,
            publishable: json["publish"].is_null(),
            documents_all_features: json["metadata"]["docs"]["rs"]["all-features"] == true,
            folder: folder.to_owned(),
            features: json["features"]
                .as_object()
                .into_iter()
                .flat_map(|all| all.keys().cloned())
                .collect(),
            declared: list(&json["dependencies"])
                .map(|dependency| text(&dependency["name"]))
                .collect(),
            dev_features: list(&json["dependencies"])
                .filter(|dependency| dependency["kind"] == "dev")
                .map(|dependency| {
                    (
                        text(&dependency["name"]),
                        texts(&dependency["features"]).collect(),
                    )
                })
                .collect(),
            builds_with: Vec::new(),
            tests_with: Vec::new(),
            benches: targets("bench"),
            binaries: targets("bin"),
        }
    }
}

fn list(json: &Value) -> impl Iterator<Item = &Value> {
    json.as_array().into_iter().flatten()
}

fn text(json: &Value) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

fn texts(json: &Value) -> impl Iterator<Item = String> {
    list(json).map(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_is_read_with_its_members_and_their_dependencies() {
        let workspace = Workspace::load().expect("cargo metadata answers");
        let (id, xtask) = workspace
            .members()
            .find(|(_, package)| package.name == "xtask")
            .expect("xtask is a member");
        assert_eq!(xtask.folder, Path::new("xtask"));
        assert_eq!(xtask.declared, ["serde_json"]);
        assert!(!xtask.publishable && !xtask.documents_all_features);
        assert!(
            workspace
                .below([id])
                .iter()
                .any(|package| package.name == "serde_core")
        );
    }
}
