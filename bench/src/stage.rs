//! What the drivers talk to: the floor, a real server and its feeder.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use nats_harness::{Config, Error, Result, Server};

use crate::case::{Case, name_of};
use crate::results::Target;
use crate::store::Store;

/// The processes that are there during a whole run. They end when this is dropped.
pub(crate) struct Stage {
    scenes: Vec<(Target, Scene)>,
}

/// A slow client is to be measured, not cut off.
const LIMITS: &str = "max_payload: 8MB\nmax_pending: 2GB\nwrite_deadline: \"60s\"\n";

struct Scene {
    url: String,
    /// Who is on the other side of a driver, beside the server.
    helper: Option<Helper>,
    server: Option<Server>,
    store: Option<Store>,
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
                Target::JetStream => Scene::jetstream(),
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
        let Some(helper) = &mut scene.helper else { return Ok(scene.url.clone()) };
        if helper.child.try_wait()?.is_some() {
            match &scene.server {
                Some(server) => scene.helper = Some(Helper::feeder(&server.url())?),
                None => *scene = Scene::floor()?,
            }
        }
        Ok(scene.url.clone())
    }

    /// What a driver has to find in streams; the arguments that say where it is.
    ///
    /// # Errors
    /// The server refuses, or the target was not started.
    pub(crate) fn prepare(
        &mut self,
        target: Target,
        case: Case,
        count: usize,
    ) -> Result<Vec<String>> {
        match &mut self.scene(target)?.store {
            Some(store) => store.prepare(case, count),
            None => Ok(Vec::new()),
        }
    }

    /// Whether streams are as a driver is to leave them that was given these arguments.
    ///
    /// # Errors
    /// They are not, or the target was not started.
    pub(crate) fn check(
        &mut self,
        target: Target,
        case: Case,
        words: &[String],
        count: usize,
    ) -> Result<()> {
        match &self.scene(target)?.store {
            Some(store) => store.check(case, words, count),
            None => Ok(()),
        }
    }

    /// The processes here, and this one.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let scenes = self.scenes.iter().map(|(_, scene)| scene);
        let theirs = scenes.flat_map(|Scene { helper, server, .. }| {
            let helper = helper.as_ref().map(|helper| helper.child.id());
            [helper, server.as_ref().and_then(Server::pid)]
        });
        theirs.flatten().chain([std::process::id()]).collect()
    }

    /// What the other side of a driver has complained about since the last time.
    ///
    /// # Errors
    /// The system refuses, or the target was not started.
    pub(crate) fn complaint(&mut self, target: Target) -> Result<String> {
        match &mut self.scene(target)?.helper {
            Some(helper) => helper.complaint(),
            None => Ok(String::new()),
        }
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
        Ok(Self { url: helper.line.clone(), helper: Some(helper), server: None, store: None })
    }

    fn server() -> Result<Self> {
        let server = Server::start(Config::plain().with(LIMITS))?;
        let url = server.url();
        let helper = Some(Helper::feeder(&url)?);
        Ok(Self { url, helper, server: Some(server), store: None })
    }

    fn jetstream() -> Result<Self> {
        let server = Server::start(Config::jetstream().with(LIMITS))?;
        let url = server.url();
        let store = Some(Store::connect(&url)?);
        Ok(Self { url, helper: None, server: Some(server), store })
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
