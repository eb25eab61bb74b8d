//! Where the Compose file of the site is, and what its project is called.

use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::environment::{env_file, variable};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// The files that Compose finds by itself.
const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// The variable that names a project, in the environment or in the file `.env` beside the Compose file.
const PROJECT: &str = "COMPOSE_PROJECT_NAME";

/// What there is to know without asking any program.
#[derive(Debug)]
pub(super) struct Place {
    /// Where Compose runs: it reads `.env` there.
    pub(super) folder: PathBuf,
    /// As `[compose]` names it; none when Compose finds it, and what overrides it, by itself.
    pub(super) file: Option<PathBuf>,
    pub(super) project: Option<String>,
}

impl Place {
    /// `None` for a site without a Compose file, of which the configuration says nothing either.
    pub(super) fn find(world: &World) -> Result<Option<Place>> {
        let (root, section) = (&world.root, world.config.compose.as_ref());
        let project = section.and_then(|section| section.project.clone());
        let file = section.and_then(|section| section.file.as_ref()).map(|file| root.join(file));
        if let Some(file) = file {
            let shown = text::path(&file);
            if !world.files.exists(&file) {
                return Err(Problem::usage(format!(
                    "there is no Compose file at {shown}; correct `file` in [compose]"
                )));
            }
            if world.files.is_folder(&file) {
                return Err(Problem::usage(format!(
                    "{shown} is a folder; name the Compose file in it as `file` in [compose]"
                )));
            }
            let folder = file.parent().unwrap_or(root).to_owned();
            return Ok(Some(Place { folder, file: Some(file), project }));
        }
        let is_there = NAMES.iter().any(|name| world.files.exists(&root.join(name)));
        match section {
            None if !is_there => Ok(None),
            Some(_) if !is_there && variable("COMPOSE_FILE").is_none() => Err(Problem::usage(format!(
                "there is no Compose file in {}; name it as `file` in [compose]",
                text::path(root)
            ))),
            _ => Ok(Some(Place { folder: root.clone(), file: None, project })),
        }
    }

    /// The name that Compose 1 gives the project.
    pub(super) fn old_project(&self, world: &World) -> String {
        let in_file = || env_file(&self.folder.join(".env"), &world.files);
        let named = self.project.clone();
        let named = named.or_else(|| variable(PROJECT).and_then(|name| name.into_string().ok()));
        let named = named.or_else(|| Some(in_file().into_iter().find(|(name, _)| name == PROJECT)?.1));
        project_of(named.as_deref(), &self.folder)
    }
}

fn project_of(named: Option<&str>, folder: &Path) -> String {
    let of_folder = || folder.file_name().unwrap_or_default().to_string_lossy();
    let name = named.filter(|name| !name.is_empty()).map_or_else(of_folder, Into::into);
    let is_kept = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let name: String = name.to_lowercase().chars().filter(is_kept).collect();
    if name.is_empty() { "default".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_called_as_compose_1_calls_it() {
        for (named, folder, expected) in [
            (None, "/srv/My.Bot_x-1", "mybot_x-1"),
            (None, "/", "default"),
            (None, "/srv/été", "t"),
            (Some("Bot"), "/srv/x", "bot"),
            (Some(""), "/srv/x", "x"),
        ] {
            assert_eq!(project_of(named, Path::new(folder)), expected);
        }
    }
}
