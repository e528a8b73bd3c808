//! Two machines side by side: one that holds everything, and one over an archive that holds what is not settled. What
//! happens to the one happens to the other, and whatever they ask for must be the same.

use std::cell::RefCell;
use std::rc::Rc;

use vinr_protocol::reader::Activity;
use vinr_protocol::terminal::{
    Archive, ArchiveFailed, Archived, Attempt, Config, Effect, Input, Record, Recovery, Session,
};
use vinr_protocol::{JournalId, Machine, PaymentId, Reference, Timestamp};

/// Every record that was persisted, as an archive.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Written(Rc<RefCell<Vec<Record>>>);

impl Written {
    fn last_of_each(&self, wanted: impl Fn(&Record) -> bool) -> Vec<Record> {
        let mut last: Vec<Record> = Vec::new();
        for record in self.0.borrow().iter().filter(|record| wanted(record)) {
            let same = |known: &&mut Record| match (&**known, record) {
                (Record::Attempt(known), Record::Attempt(new)) => {
                    known.payment.id == new.payment.id
                }
                (known, new) => known == new,
            };
            match last.iter_mut().find(same) {
                Some(known) => *known = record.clone(),
                None => last.push(record.clone()),
            }
        }
        last.reverse(); // any order will do
        last
    }

    pub(crate) fn write(&self, effects: &[Effect]) {
        let records = effects.iter().filter_map(|effect| match effect {
            Effect::Persist(record) => Some(record.clone()),
            _ => None,
        });
        self.0.borrow_mut().extend(records);
    }
}

impl Archive for Written {
    fn of(&self, reference: &Reference) -> Result<Vec<Record>, ArchiveFailed> {
        Ok(self.last_of_each(|record| match record {
            Record::Attempt(attempt) => attempt.payment.reference == *reference,
            Record::Tombstone { reference: of, .. } => of == reference,
        }))
    }

    fn get(&self, id: &PaymentId) -> Result<Option<Record>, ArchiveFailed> {
        let is_it = |record: &Record| match record {
            Record::Attempt(attempt) => attempt.payment.id == *id,
            Record::Tombstone { .. } => false,
        };
        Ok(self.last_of_each(is_it).pop())
    }
}

/// Both.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Twin {
    plain: Session,
    archived: Archived<Written>,
}

impl Twin {
    pub(crate) fn new(config: Config, journal: JournalId) -> Self {
        Self {
            plain: Session::new(config.clone(), journal.clone()),
            archived: Archived::over(Session::new(config, journal), Written::default()),
        }
    }

    pub(crate) fn recover(
        config: Config,
        journal: JournalId,
        records: Vec<Record>,
        now: Timestamp,
    ) -> (Self, Vec<Effect>) {
        let written = Written(Rc::new(RefCell::new(records.clone())));
        let mut recovery = Recovery::new(config.clone());
        records
            .iter()
            .cloned()
            .for_each(|record| recovery.read(record));
        let (session, same) = recovery.finish(journal.clone(), now);
        let archived = Archived::over(session, written);
        let (plain, effects) = Session::recover(config, journal, records, now);
        assert_eq!(same, effects, "what they want done at boot");
        let twin = Self { plain, archived };
        twin.archived.archive().write(&effects);
        twin.check();
        (twin, effects)
    }

    pub(crate) fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.plain.attempts()
    }

    pub(crate) fn activity(&self) -> Activity {
        assert_eq!(self.archived.session().activity(), self.plain.activity());
        self.plain.activity()
    }

    /// The one over the archive holds what is not settled, and nothing else.
    fn check(&self) {
        let held: Vec<_> = self.archived.session().attempts().collect();
        let unsettled = self.plain.attempts().filter(|it| !it.is_settled());
        assert_eq!(held, unsettled.collect::<Vec<_>>());
    }
}

impl Machine for Twin {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let effects = self.plain.step(input.clone());
        let same = self.archived.step(input.clone());
        assert_eq!(same, effects, "{input:?}");
        self.archived.archive().write(&effects);
        if !matches!(input, Input::StorageFailed { .. }) {
            self.check();
        }
        effects
    }
}
