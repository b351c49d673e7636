//! What the drivers talk to: the floor, a real server and its feeder.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use nats_harness::{Config, Error, Result, Server};

use crate::case::name_of;
use crate::results::Target;

/// The processes that are there during a whole run. They end when this is dropped.
pub(crate) struct Stage {
    scenes: Vec<(Target, Scene)>,
}

struct Scene {
    url: String,
    helper: Helper,
    server: Option<Server>,
}

impl Stage {
    /// Starts what these targets need.
    ///
    /// # Errors
    /// There is no nats-server, or something does not start.
    pub(crate) fn start(targets: &[Target]) -> Result<Self> {
        let scene = |&target| {
            let scene = match target {
                Target::Floor => Scene::floor(),
                Target::Server => Scene::server(),
            };
            Ok((target, scene?))
        };
        Ok(Self { scenes: targets.iter().map(scene).collect::<Result<_>>()? })
    }

    /// The URL of a target, which is there again if an earlier run has ended it.
    ///
    /// # Errors
    /// It was not started, or does not start again.
    pub(crate) fn url(&mut self, target: Target) -> Result<String> {
        let scene = self.scene(target)?;
        if scene.helper.child.try_wait()?.is_some() {
            match &scene.server {
                Some(server) => scene.helper = Helper::feeder(&server.url())?,
                None => *scene = Scene::floor()?,
            }
        }
        Ok(scene.url.clone())
    }

    /// The processes here, and this one.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let scenes = self.scenes.iter().map(|(_, scene)| scene);
        let theirs = scenes.flat_map(|Scene { helper, server, .. }| {
            [Some(helper.child.id()), server.as_ref().and_then(Server::pid)]
        });
        theirs.flatten().chain([std::process::id()]).collect()
    }

    /// What the other side of a driver has complained about since the last time.
    ///
    /// # Errors
    /// The system refuses, or the target was not started.
    pub(crate) fn complaint(&mut self, target: Target) -> Result<String> {
        self.scene(target)?.helper.complaint()
    }

    fn scene(&mut self, target: Target) -> Result<&mut Scene> {
        let found = self.scenes.iter_mut().find(|(one, _)| *one == target);
        let found = found.ok_or_else(|| Error::new(format!("{} is not there", name_of(&target))));
        Ok(&mut found?.1)
    }
}

impl Scene {
    fn floor() -> Result<Self> {
        let helper = Helper::start(&["serve"])?;
        Ok(Self { url: helper.line.clone(), helper, server: None })
    }

    fn server() -> Result<Self> {
        // A slow client is to be measured, not cut off.
        let limits = "max_payload: 8MB\nmax_pending: 2GB\nwrite_deadline: \"60s\"\n";
        let server = Server::start(Config::plain().with(limits))?;
        let url = server.url();
        let helper = Helper::feeder(&url)?;
        Ok(Self { url, helper, server: Some(server) })
    }
}

/// This program once more, with another command.
struct Helper {
    child: Child,
    line: String,
    errors: File,
}

impl Helper {
    fn feeder(url: &str) -> Result<Self> {
        Self::start(&["feed", "--url", url])
    }

    fn start(words: &[&str]) -> Result<Self> {
        let errors = tempfile::NamedTempFile::new()?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.reopen()?)
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let mut helper = Self { child, line: line.trim().to_owned(), errors: errors.into_file() };
        if helper.line.is_empty() {
            return Err(Error::because(words[0], helper.complaint()?));
        }
        Ok(helper)
    }

    /// The last line since the last time.
    fn complaint(&mut self) -> Result<String> {
        let mut text = String::new();
        self.errors.read_to_string(&mut text)?;
        Ok(text.lines().last().unwrap_or_default().to_owned())
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // The end of its input is what it waits for.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
