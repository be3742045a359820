//! When which fault strikes.

use std::fmt;
use std::str::FromStr;

use super::{Fault, FieldFlip, Flip, number};
use crate::api::EndpointKind;
use crate::chance::{Chance, Topic};
use crate::table::Table;

/// Which of the requests that a rule looks at are struck, counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// This one.
    Nth(u64),
    /// Each that this number divides.
    Every(u64),
    /// This many from the start.
    First(u64),
    /// From the first to the second, both included.
    Window(u64, u64),
    /// From this one on.
    From(u64),
}

impl When {
    fn strikes(self, request: u64) -> bool {
        match self {
            Self::Nth(n) => request == n,
            Self::Every(n) => request.is_multiple_of(n.max(1)),
            Self::First(n) => request <= n,
            Self::Window(from, to) => (from..=to).contains(&request),
            Self::From(n) => request >= n,
        }
    }
}

/// One rule: where, when, how often at most, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRule {
    /// The endpoint whose requests are counted; all of them when none.
    pub endpoint: Option<EndpointKind>,
    /// Which of them are struck.
    pub when: When,
    /// At most so many times.
    pub times: Option<u64>,
    /// By what.
    pub fault: Fault,
}

impl FaultRule {
    /// A rule without an upper bound of times.
    pub fn new(endpoint: Option<EndpointKind>, when: When, fault: Fault) -> Self {
        Self { endpoint, when, times: None, fault }
    }
}

/// Rules and flips together; the empty script does nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultScript {
    /// Events of all rules that strike happen; of the other faults the first that strikes does.
    pub rules: Vec<FaultRule>,
    /// Bad data.
    pub flips: Vec<FieldFlip>,
}

impl FaultScript {
    /// A script of one rule.
    pub fn one(endpoint: Option<EndpointKind>, when: When, fault: Fault) -> Self {
        Self { rules: vec![FaultRule::new(endpoint, when, fault)], flips: Vec::new() }
    }

    /// A script of one flip.
    pub fn flip(flip: FieldFlip) -> Self {
        Self { rules: Vec::new(), flips: vec![flip] }
    }

    /// Up to six rules, each with an end, so that a patient reader gets through most of them; no flips.
    pub fn random(seed: u64) -> Self {
        let mut chance = Chance::at(seed, Topic::Faults, 0, 0);
        let rules = (0..chance.between(1, 6)).map(|_| random_rule(&mut chance)).collect();
        Self { rules, flips: Vec::new() }
    }

    /// As [`Self::random`], and up to three flips.
    pub fn random_with_flips(seed: u64) -> Self {
        let mut chance = Chance::at(seed, Topic::Flip, 0, 0);
        let flips = (0..chance.between(1, 3)).map(|_| random_flip(&mut chance)).collect();
        Self { flips, ..Self::random(seed) }
    }
}

fn random_rule(chance: &mut Chance) -> FaultRule {
    let endpoints: Vec<_> = EndpointKind::all().collect();
    let endpoint = endpoints.get(chance.below(endpoints.len() as u64 + 8) as usize).copied();
    let faults = Fault::all();
    let fault = faults[chance.below(faults.len() as u64) as usize];
    let when = match chance.below(4) {
        0 => When::Nth(chance.between(1, 20)),
        1 => When::Every(chance.between(3, 12)),
        2 => When::First(chance.between(1, 3)),
        _ => {
            let from = chance.between(1, 30);
            When::Window(from, from + chance.below(6))
        }
    };
    FaultRule { endpoint, when, times: Some(chance.between(1, 5)), fault }
}

fn random_flip(chance: &mut Chance) -> FieldFlip {
    let table = Table::ALL[chance.below(Table::ALL.len() as u64) as usize];
    let path = chance.pick(table.paths()).to_owned();
    let flip = Flip::ALL[chance.below(Flip::ALL.len() as u64) as usize];
    FieldFlip { table, path, flip, every: chance.between(1, 9) }
}

/// A script in progress: how many requests each rule has seen and struck.
#[derive(Clone, Debug, Default)]
pub(crate) struct Injector {
    pub(crate) script: FaultScript,
    progress: Vec<(u64, u64)>,
}

impl Injector {
    pub(crate) fn new(script: FaultScript) -> Self {
        Self { progress: vec![(0, 0); script.rules.len()], script }
    }

    /// The faults that strike this request: every event, and at most one that alters the answer.
    pub(crate) fn strike(&mut self, kind: EndpointKind) -> Vec<Fault> {
        let mut struck: Vec<Fault> = Vec::new();
        for (rule, (seen, done)) in self.script.rules.iter().zip(&mut self.progress) {
            if rule.endpoint.is_some_and(|endpoint| endpoint != kind) {
                continue;
            }
            *seen += 1;
            let altered = struck.iter().any(|fault| !fault.is_event());
            let allowed = rule.times.is_none_or(|times| *done < times) && (rule.fault.is_event() || !altered);
            if allowed && rule.when.strikes(*seen) {
                *done += 1;
                struck.push(rule.fault);
            }
        }
        struck
    }
}

impl fmt::Display for When {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nth(n) => write!(formatter, "nth={n}"),
            Self::Every(n) => write!(formatter, "every={n}"),
            Self::First(n) => write!(formatter, "first={n}"),
            Self::Window(from, to) => write!(formatter, "window={from}..{to}"),
            Self::From(n) => write!(formatter, "from={n}"),
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` does not say when"))?;
        match name {
            "nth" => Ok(Self::Nth(number(value)?)),
            "every" => Ok(Self::Every(number(value)?)),
            "first" => Ok(Self::First(number(value)?)),
            "from" => Ok(Self::From(number(value)?)),
            "window" => {
                let (from, to) = value.split_once("..").ok_or_else(|| format!("`{value}` is no window"))?;
                Ok(Self::Window(number(from)?, number(to)?))
            }
            _ => Err(format!("`{text}` does not say when")),
        }
    }
}

impl fmt::Display for FaultRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.endpoint {
            Some(endpoint) => write!(formatter, "{endpoint} {}", self.when)?,
            None => write!(formatter, "any {}", self.when)?,
        }
        if let Some(times) = self.times {
            write!(formatter, " times={times}")?;
        }
        write!(formatter, " {}", self.fault)
    }
}

impl FromStr for FaultRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (endpoint, when, times, fault) = match words[..] {
            [endpoint, when, fault] => (endpoint, when, None, fault),
            [endpoint, when, times, fault] => (endpoint, when, times.strip_prefix("times="), fault),
            _ => return Err(format!("`{text}` is no rule: endpoint, when, times=N if bounded, fault")),
        };
        Ok(Self {
            endpoint: if endpoint == "any" { None } else { Some(endpoint.parse()?) },
            when: when.parse()?,
            times: times.map(number).transpose()?,
            fault: fault.parse()?,
        })
    }
}

impl fmt::Display for FaultScript {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.rules.iter().map(ToString::to_string);
        let all: Vec<String> = rules.chain(self.flips.iter().map(ToString::to_string)).collect();
        formatter.write_str(&all.join("; "))
    }
}

impl FromStr for FaultScript {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut script = Self::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            if part.starts_with("flip ") {
                script.flips.push(part.parse()?);
            } else {
                script.rules.push(part.parse()?);
            }
        }
        Ok(script)
    }
}
