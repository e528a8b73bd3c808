//! `--only` and `--tags`: a part of the plan.

use vinr_protocol::requirement;

use super::Scenario;

/// A part of the plan; [`Selection::all`] is the whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    only: Vec<String>,
    tags: Vec<String>,
}

/// A selection that can take nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// The name is neither a requirement of the catalogue nor shaped like a scenario's id.
    #[error(
        "`--only {0}` is neither a requirement (such as PAY-8) nor a scenario (such as pay.echo); \
         `vinr-conformance list` shows them"
    )]
    Unknown(String),
}

impl Selection {
    /// All that applies.
    pub fn all() -> Self {
        Self::default()
    }

    /// Scenarios that speak of one of these requirements or have one of these ids (`only`), and that
    /// carry one of these tags; an empty list asks nothing.
    pub fn parse(
        only: &[impl AsRef<str>],
        tags: &[impl AsRef<str>],
    ) -> Result<Self, SelectionError> {
        let only: Vec<_> = only.iter().map(|name| name.as_ref().to_owned()).collect();
        if let Some(unknown) = only
            .iter()
            .find(|name| !name.contains(['.', '/']) && requirement::find(name).is_none())
        {
            return Err(SelectionError::Unknown(unknown.clone()));
        }
        let tags = tags
            .iter()
            .map(|tag| tag.as_ref().trim_start_matches('@').to_owned())
            .collect();
        Ok(Self { only, tags })
    }

    /// Reads what [`text`](Self::text) wrote; `None` where it wrote nothing of the kind.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut selection = Self::all();
        let mut words = text.split_whitespace();
        while let Some(option) = words.next() {
            let word = words.next()?.to_owned();
            match option {
                "--only" => selection.only.push(word),
                "--tags" => selection.tags.push(word),
                _ => return None,
            }
        }
        Some(selection)
    }

    /// The scenario is in the selection.
    pub fn takes(&self, scenario: &Scenario) -> bool {
        let named = self
            .only
            .iter()
            .any(|name| scenario.names(name) || scenario.id == *name);
        let tagged = self.tags.iter().any(|tag| scenario.tags.contains(tag));
        (self.only.is_empty() || named) && (self.tags.is_empty() || tagged)
    }

    /// The selection as it is typed; `None` for all.
    pub fn text(&self) -> Option<String> {
        let only = self.only.iter().map(|name| format!("--only {name}"));
        let tags = self.tags.iter().map(|tag| format!("--tags {tag}"));
        let text = only.chain(tags).collect::<Vec<_>>().join(" ");
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_that_nobody_knows_is_refused() {
        assert_eq!(
            Selection::parse(&["PAY-99"], &[] as &[&str]),
            Err(SelectionError::Unknown("PAY-99".to_owned()))
        );
    }

    #[test]
    fn a_selection_is_read_back_as_it_was_typed() {
        let typed = Selection::parse(&["PAY-8", "pay.echo"], &["@quick"]).expect("known");
        let text = typed.text().expect("it is not all");
        assert_eq!(Selection::read(&text), Some(typed));
        assert_eq!(Selection::read(""), Some(Selection::all()));
        for nonsense in ["--only", "--shard 1/2", "PAY-8"] {
            assert_eq!(Selection::read(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn only_and_tags_narrow_each_other() {
        let scenario = Scenario::new("pay.echo", "An echo", "payments", ["PAY-8", "quick"]);
        let takes = |only: &[&str], tags: &[&str]| {
            Selection::parse(only, tags)
                .expect("known")
                .takes(&scenario)
        };
        assert!(takes(&["PAY-8"], &["@quick"]));
        assert!(takes(&["pay.echo"], &[]));
        assert!(!takes(&["PAY-8"], &["slow"]));
        assert!(!takes(&["PAY-9"], &["quick"]));
    }
}
