//! Deliberate bugs, to show that the tests notice them. Compiled only with the feature `sabotage`, which the simulation asks
//! for: without it every question here is answered with "no" when the program is built, and with it until a test says which.
//!
//! Refuses to be more than a question: what a bug does stands where it does it.

/// A deliberate bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A part counts as acknowledged whatever the service answered.
    AcknowledgeAnyway,
    /// A file whose times say that it changed is taken for the same.
    SkipTimes,
    /// A file that changes while it is sent goes on.
    ChangedFileGoesOn,
    /// A success is one, whatever stands in it: a web page, no proof, another state.
    BelieveAnyYes,
    /// The address of a request stands in the sentence about its failure.
    UrlInFault,
    /// The address of a part is kept in the session, and so on disk.
    UrlOnDisk,
    /// The last part is never sent.
    LoseLastPart,
    /// An address is used for ever.
    OldUrl,
    /// The intent is not written before the request that finishes.
    NoIntent,
    /// A session that takes no more is begun anew without asking.
    NotFoundMeansAnew,
    /// Acknowledged parts are sent again by the next worker.
    ForgetParts,
    /// A doubt is settled by hoping.
    SettleByHoping,
    /// A doubt is left to the person although the service could be asked.
    GiveUpInDoubt,
    /// A pause leaves the worker at work.
    PauseLater,
    /// A name is cut.
    CutName,
    /// Progress is counted twice.
    CountTwice,
    /// The key goes along to presigned links.
    KeyToStorage,
    /// The screen is not told of the end of an upload.
    SilentEnd,
    /// What a service says of the bytes it holds is not compared.
    BelieveAnySum,
    /// Everything counts as confirmed by a checksum.
    AlwaysVerified,
    /// Acknowledged parts are not written down until the end.
    RecordLate,
    /// Pauses have no jitter.
    NoJitter,
    /// A redirect is followed.
    FollowRedirects,
    /// That hints of a folder were lost is no reason to look through it.
    ForgetLostHints,
    /// The lock of a queue keeps nobody out.
    TwoOwners,
}

impl Bug {
    /// Those that the simulation notices. Each of the others is noticed beside what it breaks.
    pub const SIMULATED: [Self; 21] = [
        Self::AcknowledgeAnyway,
        Self::SkipTimes,
        Self::ChangedFileGoesOn,
        Self::BelieveAnyYes,
        Self::UrlInFault,
        Self::UrlOnDisk,
        Self::LoseLastPart,
        Self::OldUrl,
        Self::NoIntent,
        Self::NotFoundMeansAnew,
        Self::ForgetParts,
        Self::SettleByHoping,
        Self::GiveUpInDoubt,
        Self::PauseLater,
        Self::CutName,
        Self::CountTwice,
        Self::KeyToStorage,
        Self::SilentEnd,
        Self::BelieveAnySum,
        Self::AlwaysVerified,
        Self::RecordLate,
    ];
}

#[cfg(feature = "sabotage")]
std::thread_local! {
    static ACTIVE: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Whether a bug is in force on this thread.
#[cfg(feature = "sabotage")]
pub fn is(bug: Bug) -> bool {
    ACTIVE.get() == Some(bug)
}

/// Whether a bug is in force: never.
#[cfg(not(feature = "sabotage"))]
pub const fn is(_: Bug) -> bool {
    false
}

/// Does something with a bug in force on this thread.
#[cfg(feature = "sabotage")]
pub fn with<T>(bug: Bug, work: impl FnOnce() -> T) -> T {
    ACTIVE.set(Some(bug));
    let result = work();
    ACTIVE.set(None);
    result
}

#[cfg(feature = "sabotage")]
std::thread_local! {
    static TRIPS: std::cell::Cell<(u64, Option<u64>)> = const { std::cell::Cell::new((0, None)) };
}

/// A place where the engine may be made to panic.
#[cfg(feature = "sabotage")]
pub fn trip() {
    let (passed, at) = TRIPS.get();
    TRIPS.set((passed + 1, at));
    assert!(at != Some(passed), "a deliberate mistake at place {passed}");
}

/// A place where the engine may be made to panic: never.
#[cfg(not(feature = "sabotage"))]
pub const fn trip() {}

/// Does something with a panic at a place of this thread, or at none; says how many places were passed.
#[cfg(feature = "sabotage")]
pub fn with_trip<T>(at: Option<u64>, work: impl FnOnce() -> T) -> (T, u64) {
    TRIPS.set((0, at));
    let result = work();
    let (passed, _) = TRIPS.replace((0, None));
    (result, passed)
}

/// Whether the panic has happened on this thread.
#[cfg(feature = "sabotage")]
pub fn has_tripped() -> bool {
    let (passed, at) = TRIPS.get();
    at.is_some_and(|at| passed > at)
}
