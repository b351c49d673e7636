//! How the members of a group share the partitions of a stream: the documents and the rule of Orbit's
//! `pcgroups`.

use serde::{Deserialize, Serialize};

use super::config::is_default;
use super::config::stream::list;
use super::name::check;
use crate::error::{Code, Error, Result};

/// A group of consumers of a stream whose subjects begin with the number of a partition, as
/// `<partition>.<rest>`. It does not change: a group that is to be another one is deleted and made
/// anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupConfig {
    /// How many partitions there are, and so how many members at most.
    pub max_members: u32,
    /// What the messages were partitioned by; for who reads it.
    pub filter: String,
    /// The members, who share the partitions evenly.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "list")]
    pub members: Vec<String>,
    /// Which partitions each member has, in place of `members`.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "list")]
    pub member_mappings: Vec<MemberMapping>,
}

/// The partitions of a member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemberMapping {
    /// Its name.
    pub member: String,
    /// The partitions, from 0 on.
    #[serde(deserialize_with = "list")]
    pub partitions: Vec<u32>,
}

impl GroupConfig {
    /// The names of all members.
    pub fn member_names(&self) -> impl Iterator<Item = &str> {
        let mapped = self.member_mappings.iter().map(|mapping| mapping.member.as_str());
        self.members.iter().map(String::as_str).chain(mapped)
    }

    /// The partitions of a member, in order.
    pub fn partitions_of(&self, member: &str) -> Vec<u32> {
        if self.members.is_empty() {
            let own = self.member_mappings.iter().filter(|mapping| mapping.member == member);
            return own.flat_map(|mapping| mapping.partitions.iter().copied()).collect();
        }
        let mut members: Vec<&str> = self.members.iter().map(String::as_str).collect();
        members.sort_unstable();
        members.dedup();
        members.truncate(self.max_members as usize);
        let Some(index) = members.iter().position(|name| *name == member) else {
            return Vec::new();
        };
        // Each has as many in a row; what is left over goes round.
        let (index, count) = (index as u32, members.len() as u32);
        let each = self.max_members / count;
        let rest = each * count + index;
        let left_over = Some(rest).filter(|partition| *partition < self.max_members);
        (index * each..(index + 1) * each).chain(left_over).collect()
    }

    /// Checks it as every member does.
    pub(super) fn check(&self) -> Result<()> {
        let bad = |text: String| Err(Error::new(Code::InvalidArgument, text));
        if self.max_members == 0 {
            return bad("max_members: expected at least 1".into());
        }
        if !self.members.is_empty() && !self.member_mappings.is_empty() {
            return bad("members and member_mappings: expected one of them".into());
        }
        for member in self.member_names() {
            check("member", member)?;
        }
        if self.member_mappings.is_empty() {
            return Ok(());
        }
        let mut names: Vec<&str> = self.member_names().collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return bad(format!("member_mappings: {} is there twice", twice[0]));
        }
        let mut partitions: Vec<u32> =
            self.member_mappings.iter().flat_map(|mapping| mapping.partitions.clone()).collect();
        partitions.sort_unstable();
        if !partitions.iter().copied().eq(0..self.max_members) {
            let last = self.max_members - 1;
            return bad(format!(
                "member_mappings: expected each of the partitions 0 to {last} once, not {partitions:?}"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evenly(max_members: u32, members: &[&str]) -> GroupConfig {
        let members = members.iter().map(|&name| name.to_owned()).collect();
        GroupConfig { max_members, members, ..GroupConfig::default() }
    }

    fn mapped(max_members: u32, mappings: &[(&str, &[u32])]) -> GroupConfig {
        let mapping = |(name, partitions): &(&str, &[u32])| MemberMapping {
            member: (*name).into(),
            partitions: partitions.to_vec(),
        };
        let member_mappings = mappings.iter().map(mapping).collect();
        GroupConfig { max_members, member_mappings, ..GroupConfig::default() }
    }

    #[test]
    fn partitions_are_shared_evenly() {
        let three = evenly(10, &["m3", "m1", "m2", "m1"]);
        assert_eq!(three.partitions_of("m1"), [0, 1, 2, 9]);
        assert_eq!(three.partitions_of("m2"), [3, 4, 5]);
        assert_eq!(three.partitions_of("m3"), [6, 7, 8]);
        assert!(three.partitions_of("m4").is_empty());
        let many = evenly(2, &["a", "b", "c"]);
        assert_eq!((many.partitions_of("a"), many.partitions_of("b")), (vec![0], vec![1]));
        assert!(many.partitions_of("c").is_empty(), "there are two partitions only");
        let own = mapped(3, &[("a", &[2, 0]), ("b", &[1])]);
        assert_eq!(own.partitions_of("a"), [2, 0]);
    }

    #[test]
    fn configurations_that_make_no_sense_are_named() {
        assert!(evenly(3, &["a"]).check().is_ok());
        assert!(evenly(3, &[]).check().is_ok());
        assert!(mapped(2, &[("a", &[0]), ("b", &[1])]).check().is_ok());
        let both = GroupConfig { members: vec!["a".into()], ..mapped(1, &[("a", &[0])]) };
        for (config, part) in [
            (evenly(0, &["a"]), "max_members"),
            (both, "members and member_mappings"),
            (mapped(2, &[("a", &[0]), ("a", &[1])]), "member_mappings: a is there twice"),
            (mapped(2, &[("a", &[0]), ("b", &[0])]), "member_mappings"),
            (mapped(2, &[("a", &[0, 2])]), "member_mappings"),
            (mapped(2, &[("a", &[0])]), "member_mappings"),
        ] {
            let error = config.check().unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(error.text().starts_with(part), "{error}");
        }
        assert_eq!(evenly(1, &["a.b"]).check().unwrap_err().code(), Code::InvalidName);
    }

    #[test]
    fn documents_are_those_of_orbit() {
        let text = r#"{"max_members":10,"filter":"","members":["m1","m2"]}"#;
        let config: GroupConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config, evenly(10, &["m1", "m2"]));
        assert_eq!(serde_json::to_string(&config).unwrap(), text);
        let text = r#"{"max_members":1,"filter":"a.*","member_mappings":[{"member":"m","partitions":[0]}]}"#;
        let config: GroupConfig = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&config).unwrap(), text);
    }
}
