//! The runner: every client in every case, round by round.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use nats_harness::{Error, Result};

use crate::case::{Case, name_of};
use crate::clients::{Places, choose};
use crate::compare;
use crate::count;
use crate::driver::{self, Answer};
use crate::load::Load;
use crate::machine;
use crate::matrix;
use crate::options::Options;
use crate::progress::Progress;
use crate::results::{Results, SCHEMA, Target};
use crate::samples::Samples;
use crate::stage::Stage;
use crate::{goals, report};

/// The part of a processor that others may use without disturbing a run.
const QUIET: f64 = 0.1;
/// How long one driver may take; it gives up by itself before.
const LIMIT: Duration = Duration::from_secs(75);
/// When a quick run ends, wherever it is.
const QUICK_END: Duration = Duration::from_secs(285);

/// The command `run`: measures, and writes `bench.json` and the report.
///
/// # Errors
/// The command line is wrong, the targets do not start, or a file cannot be written. A driver that
/// fails is a row with an error.
pub fn run(words: &[&str]) -> Result<()> {
    let options = Options::parse(words)?;
    // Before an hour of measuring.
    let old = options.compare.as_deref().map(Results::load).transpose()?;
    fs::create_dir_all(&options.out)
        .map_err(|error| Error::because(options.out.display(), error))?;
    let path = options.out.join("bench.json");
    let results = Run::new(&options)?.measure(|results| results.save(&path))?;
    report::write(&results, &options.out)?;
    if let Some(old) = old {
        print!("{}", compare::table(&old, &results));
    }
    Ok(())
}

struct Run {
    results: Results,
    samples: Vec<Samples>,
    stage: Stage,
    progress: Progress,
    started: Instant,
    /// How long the timed part of a driver is meant to take.
    wanted: f64,
    runs: u32,
    disturbed: u32,
}

impl Run {
    fn new(options: &Options) -> Result<Self> {
        machine::allow_many_files()?;
        let samples = samples(options)?;
        let mut targets: Vec<Target> = samples.iter().map(|samples| samples.target).collect();
        targets.dedup();
        let rounds = options.rounds.unwrap_or(matrix::rounds(options.quick));
        let results = Results {
            schema: SCHEMA,
            date: machine::date()?,
            machine: machine::describe()?,
            quick: options.quick,
            rounds,
            notes: Vec::new(),
            rows: Vec::new(),
            goals: Vec::new(),
        };
        Ok(Self {
            progress: Progress::new(samples.len() * (rounds as usize + 1)),
            results,
            samples,
            stage: Stage::start(&targets)?,
            started: Instant::now(),
            wanted: if options.quick { 0.2 } else { 0.5 },
            runs: 0,
            disturbed: 0,
        })
    }

    /// Measures everything; what is there is saved after each round.
    fn measure(mut self, save: impl Fn(&Results) -> Result<()>) -> Result<Results> {
        self.calibrate()?;
        for round in 0..self.results.rounds {
            self.round(round)?;
            self.summarize();
            save(&self.results)?;
            if self.is_over() {
                self.results.notes.push("the time of a quick run was over".into());
                break;
            }
        }
        self.progress.end();
        self.summarize();
        save(&self.results)?;
        Ok(self.results)
    }

    /// Finds out how many messages take the wanted time, and what a client cannot do.
    fn calibrate(&mut self) -> Result<()> {
        let mut unsupported: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        for index in 0..self.samples.len() {
            if self.is_over() {
                break;
            }
            self.progress.show(&format!("{} (calibration)", self.title(index)));
            if let Some(reason) = self.calibrate_one(index)? {
                let client = self.samples[index].client.name.clone();
                unsupported.entry((client, reason)).or_default().push(index);
            }
            self.progress.advance();
        }
        for ((client, reason), rows) in &unsupported {
            let first = self.samples[rows[0]].case;
            let more = if rows.len() > 1 {
                format!(" and {} more", rows.len() - 1)
            } else {
                String::new()
            };
            self.results.notes.push(format!("{client} without {first}{more}: {reason}"));
        }
        let without: BTreeSet<usize> = unsupported.into_values().flatten().collect();
        for &index in without.iter().rev() {
            self.samples.remove(index);
            self.progress.drop(self.results.rounds as usize);
        }
        Ok(())
    }

    /// Sets the count of a row; why it is unsupported, if it is.
    fn calibrate_one(&mut self, index: usize) -> Result<Option<String>> {
        loop {
            let (answer, _) = self.drive_quietly(index)?;
            let samples = &mut self.samples[index];
            match answer {
                Answer::Unsupported(reason) => return Ok(Some(reason)),
                Answer::Failed(text) => {
                    self.fail(index, text);
                    return Ok(None);
                }
                Answer::Measured(outcome) => {
                    let seconds = outcome.seconds;
                    match count::better(samples.case, samples.count, seconds, self.wanted) {
                        Some(better) => samples.count = better,
                        None => return Ok(None),
                    }
                }
            }
        }
    }

    /// Every row once. The clients of one case come after one another, in another order each time.
    fn round(&mut self, round: u32) -> Result<()> {
        let mut start = 0;
        while start < self.samples.len() {
            let key = |samples: &Samples| (samples.target, samples.case.without_mode());
            let here = key(&self.samples[start]);
            let same = self.samples[start..].iter().take_while(|one| key(one) == here).count();
            for step in 0..same {
                let index = start + (step + round as usize) % same;
                if !self.is_over() {
                    self.progress.show(&self.title(index));
                    self.sample(index)?;
                }
                self.progress.advance();
            }
            start += same;
        }
        Ok(())
    }

    /// Measures a row once more; who has failed before is not tried again.
    fn sample(&mut self, index: usize) -> Result<()> {
        if self.samples[index].error.is_some() {
            return Ok(());
        }
        let (answer, others) = self.drive_quietly(index)?;
        if self.is_over() && matches!(answer, Answer::Failed(_)) {
            // It was the end of the time that ended the driver.
            return Ok(());
        }
        self.runs += 1;
        self.disturbed += u32::from(others > QUIET);
        let samples = &mut self.samples[index];
        match answer {
            Answer::Measured(outcome) => {
                samples.outcomes.push(outcome);
                samples.disturbed += u32::from(others > QUIET);
            }
            Answer::Failed(text) | Answer::Unsupported(text) => self.fail(index, text),
        }
        Ok(())
    }

    /// Runs a row's driver, once more if the run was disturbed; the answer with less disturbance.
    fn drive_quietly(&mut self, index: usize) -> Result<(Answer, f64)> {
        let first = self.drive(index)?;
        let measured = matches!(first.0, Answer::Measured(_));
        // A quick run has no time for a second try.
        if first.1 <= QUIET || !measured || self.results.quick {
            return Ok(first);
        }
        let second = self.drive(index)?;
        Ok(if second.1 < first.1 { second } else { first })
    }

    /// Runs a row's driver; with the part of a processor that others used meanwhile.
    fn drive(&mut self, index: usize) -> Result<(Answer, f64)> {
        let Samples { client, target, case, count, .. } = &self.samples[index];
        let mut words = case.words(&self.stage.url(*target)?, *count);
        let streams = match self.stage.prepare(*target, *case, *count) {
            Ok(streams) => streams,
            Err(error) => return Ok((Answer::Failed(error.to_string()), 0.0)),
        };
        words.extend_from_slice(&streams);
        let limit = if self.results.quick { self.left().min(LIMIT) } else { LIMIT };
        // What was said before belongs to an earlier run.
        self.stage.complaint(*target)?;
        let own = self.stage.processes();
        let load = Load::watch(&own)?;
        let (mut answer, ticks) = driver::run(&client.command, &words, limit)?;
        let others = load.of_others(&own, ticks)?;
        if let Answer::Measured(_) = answer
            && let Err(error) = self.stage.check(*target, *case, &streams, *count)
        {
            answer = Answer::Failed(error.to_string());
        }
        if let Answer::Failed(text) = &mut answer {
            let complaint = self.stage.complaint(*target)?;
            if !complaint.is_empty() {
                text.push_str(&format!(" (the other side: {complaint})"));
            }
        }
        Ok((answer, others))
    }

    fn fail(&mut self, index: usize, text: String) {
        self.progress.note(&format!("{}: {text}", self.title(index)));
        self.samples[index].error = Some(text);
    }

    fn summarize(&mut self) {
        let results = &mut self.results;
        results.rows = self.samples.iter().map(Samples::row).collect();
        results.goals = goals::evaluate(&results.rows);
        results.notes.retain(|note| !note.starts_with(DISTURBED));
        let (disturbed, runs) = (self.disturbed, self.runs);
        if disturbed > 0 {
            results.notes.insert(0, format!("{DISTURBED} {disturbed} of {runs} runs"));
        }
    }

    fn title(&self, index: usize) -> String {
        let Samples { client, target, case, .. } = &self.samples[index];
        format!("{} {} {case}", client.name, name_of(target))
    }

    fn left(&self) -> Duration {
        QUICK_END.saturating_sub(self.started.elapsed())
    }

    fn is_over(&self) -> bool {
        self.results.quick && self.left().is_zero()
    }
}

const DISTURBED: &str = "Something else used more than a tenth of a processor during";

/// The rows to measure, those of one case together.
fn samples(options: &Options) -> Result<Vec<Samples>> {
    let clients = choose(&Places::find()?, &options.peers, &options.clients)?;
    let wanted = |&(target, case): &(_, Case)| {
        options.target.is_none_or(|only| only == target)
            && (options.ops.is_empty() || options.ops.contains(&case.op))
    };
    let mut samples = Vec::new();
    let large = matrix::LARGE_OBJECTS.into_iter().filter(|_| options.large);
    let large = large.map(|case| (Target::JetStream, case));
    let cases = matrix::cases(options.quick).into_iter().chain(large);
    for (target, case) in cases.filter(wanted) {
        // Otherwise a number that is given is for a bound of ours, and takes slow peers too long.
        let is_for_all = case.fixed.is_none() || case.op.has_objects();
        for client in clients.iter().filter(|client| is_for_all || client.ours) {
            for mode in client.modes(case.op) {
                let case = Case { mode, ..case };
                samples.push(Samples {
                    client: client.clone(),
                    target,
                    case,
                    count: count::first(case),
                    outcomes: Vec::new(),
                    disturbed: 0,
                    error: None,
                });
            }
        }
    }
    Ok(samples)
}
