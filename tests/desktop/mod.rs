//! The real window, used as a person uses it: on a screen, a session bus and a keychain of its own, with a mouse that
//! drags, a clipboard that holds files, and the sandbox's services behind it. Pictures go to `artifacts/desktop`.
//!
//! Needs what `./dev setup` installs. Refuses to touch the screen or the keychain of whoever runs it.

mod deaths;
mod folders;
mod intruder;
mod mouse;
mod page;
mod payloads;
mod screen;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use skylift_sandbox::Service;
use skylift_tests::{Account, World, accounts, binary};

use page::{Page, by};
use screen::{Group, Screen};

const MIB: u64 = 1024 * 1024;
/// Of the file that is paused: at `SLOW` a part takes much longer than what buffers of the system hold.
const PART: u64 = 48 * MIB;
const SLOW: &str = "archetype:part:slow=6MB/s";
/// What may be on the wire when an upload is paused arrives in so many milliseconds, on a busy machine.
const ON_THE_WIRE: i64 = 2000;
/// A second start hands over and ends.
const SECOND_START: Duration = Duration::from_secs(20);

/// Lets a test do its deeds in a window of its own.
fn in_a_window(world: &World, deeds: impl AsyncFnOnce(&Screen, &Page)) {
    in_a_window_of(&Screen::start(&world.data(), world.canary()), deeds);
}

/// The same on a screen that was prepared.
fn in_a_window_of(screen: &Screen, deeds: impl AsyncFnOnce(&Screen, &Page)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let page = Page::open(screen).await;
        deeds(screen, &page).await;
        page.close().await;
    });
}

#[test]
fn a_person_adds_accounts_gives_files_and_gets_proof() {
    let mut config = World::patient();
    config.archetype.part_size = Some(PART);
    let world = World::with(config);
    in_a_window(&world, async |screen, page| {
        page.see("empty-state").await;
        page.picture("1-first-start").await;
        for account in accounts() {
            add_account(page, &world, account).await;
        }
        page.picture("3-accounts-added").await;
        let mut sent = drop_files(screen, page, &world).await;
        sent.extend(paste_one_to_each(screen, page, &world).await);
        let large = pause_and_resume(screen, page, &world).await;
        sent.push((Service::Archetype, large.clone()));
        page.until("every upload is completed", async || {
            (page.count("[data-testid=row][data-phase=completed]").await == sent.len()).then_some(())
        })
        .await;
        page.picture("8-completed").await;
        read_the_proof(page, &world, &large).await;
        page.look("dark").await;
        page.see("row").await;
        page.picture("10-dark").await;
        for (service, file) in &sent {
            world.assert_holds_once(*service, file);
        }
        let stored: usize = Service::ALL.map(|service| world.objects(service).len()).iter().sum();
        assert_eq!(stored, sent.len(), "an object too many");
    });
}

/// Through the form, with the test of the key; the sandbox is another base URL.
async fn add_account(page: &Page, world: &World, account: Account) {
    page.click("add-account").await;
    page.see("account-dialog").await;
    page.choose("account-service", account.service.name()).await;
    page.fill("account-key", &world.canary().key).await;
    for option in account.options {
        let (name, value) = option.split_once('=').unwrap();
        page.fill(&format!("option-{name}"), value).await;
    }
    page.fill("account-name", &account.name()).await;
    page.click("account-advanced").await;
    page.fill("account-base-url", &world.sandbox().base_url(account.service))
        .await;
    page.click("account-test").await;
    page.see("findings").await;
    page.picture(&format!("2-account-{}", account.name())).await;
    page.click("account-save").await;
    page.miss("account-dialog").await;
    page.until("the account in the rail", async || {
        let selector = format!("[data-testid=rail-account][data-account={:?}]", account.name());
        (page.count(&selector).await == 1).then_some(())
    })
    .await;
}

/// Two files and a folder with a file in it, dragged; the window asks where they go.
async fn drop_files(screen: &Screen, page: &Page, world: &World) -> Vec<(Service, PathBuf)> {
    let files = [
        world.file("Prüfbericht & notes.txt", 1234),
        world.file("one byte.txt", 1),
    ];
    let inner = world.file("field trip/day <1>.txt", 70_000);
    let dragged = [files[0].clone(), files[1].clone(), inner.parent().unwrap().to_owned()];
    mouse::drag(screen, page, &dragged, async || page.picture("4-hovering").await).await;
    page.see("choose-dialog").await;
    page.picture("5-where-to").await;
    page.click_on(&format!(
        "[data-testid=target][data-account={:?}]",
        Service::Archetype.name()
    ))
    .await;
    page.click("choose-upload").await;
    page.miss("choose-dialog").await;
    [&files[..], &[inner]]
        .concat()
        .into_iter()
        .map(|file| (Service::Archetype, file))
        .collect()
}

/// With an account chosen in the rail, pasted files go there without a question.
async fn paste_one_to_each(screen: &Screen, page: &Page, world: &World) -> Vec<(Service, PathBuf)> {
    let mut sent = Vec::new();
    for account in accounts() {
        let file = world.file(format!("report for {}.{}", account.name(), account.ending), 200_000);
        let rail = format!("[data-testid=rail-account][data-account={:?}]", account.name());
        page.click_on(&rail).await;
        paste(screen, page, std::slice::from_ref(&file)).await;
        sent.push((account.service, file));
    }
    page.click("view-queue").await;
    sent
}

async fn paste(screen: &Screen, page: &Page, files: &[PathBuf]) {
    let before = page.count("[data-testid=row]").await;
    let _elsewhere = mouse::copy(screen, files);
    page.control('v').await;
    page.until("the pasted files in the list", async || {
        (page.count("[data-testid=row]").await != before).then_some(())
    })
    .await;
}

/// Five parts that arrive slowly: paused on the way, no byte arrives any more; resumed, they go on.
async fn pause_and_resume(screen: &Screen, page: &Page, world: &World) -> PathBuf {
    page.until("the rest is completed", async || {
        let all = page.count("[data-testid=row]").await;
        (all > 0 && all == page.count("[data-testid=row][data-phase=completed]").await).then_some(())
    })
    .await;
    page.miss("notice").await;
    world.sandbox().set_faults(vec![SLOW.parse().unwrap()]);
    let large = world.file("recording.mov", 5 * PART);
    let bytes = || world.sandbox().stats().services[&Service::Archetype].file_bytes;
    let before = bytes();
    let _elsewhere = mouse::copy(screen, std::slice::from_ref(&large));
    page.control('v').await;
    page.see("choose-dialog").await;
    page.click_on(&format!(
        "[data-testid=target][data-account={:?}]",
        Service::Archetype.name()
    ))
    .await;
    page.click("choose-upload").await;
    page.until("bytes on the wire", async || (bytes() > before + 2 * MIB).then_some(()))
        .await;
    page.picture("6-uploading").await;
    page.click("pause-all").await;
    page.see_row("[data-hold=paused]").await;
    nothing_more_arrives(page, world).await;
    page.picture("7-paused").await;
    assert!(
        world
            .objects(Service::Archetype)
            .iter()
            .all(|object| object.name != "recording.mov")
    );
    world.sandbox().clear_faults();
    page.click("resume-all").await;
    let resumed = bytes();
    page.until("bytes on the wire again", async || (bytes() > resumed).then_some(()))
        .await;
    large
}

/// What was on the wire when the pause took hold may arrive soon after; then nothing does.
async fn nothing_more_arrives(page: &Page, world: &World) {
    let paused = now();
    let last = || world.sandbox().stats().services[&Service::Archetype].last_file_byte_at;
    page.until("no byte arrives any more", async || {
        (now() - paused.max(last()) > 2 * ON_THE_WIRE).then_some(())
    })
    .await;
    let late = last() - paused;
    assert!(
        late <= ON_THE_WIRE,
        "a byte arrived {late} ms after the row said paused"
    );
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// Opens the drawer, reads the receipt, copies the identity and pastes it as text.
async fn read_the_proof(page: &Page, world: &World, large: &Path) {
    let id = page.row_named("recording.mov").await;
    page.double_click(&format!("[data-testid=row][data-id={id:?}]")).await;
    page.see("receipt").await;
    page.picture("9-receipt").await;
    let objects = world.objects(Service::Archetype);
    let object = objects.iter().find(|object| object.name == "recording.mov").unwrap();
    assert_eq!(object.size, std::fs::metadata(large).unwrap().len());
    let receipt = page.text(&by("receipt")).await;
    assert!(
        receipt.contains(&object.crc32c) && receipt.contains(&object.id),
        "{receipt}"
    );
    page.click("copy-id").await;
    page.click("details-close").await;
    page.click("filter").await;
    page.until("the identity on the clipboard", async || {
        page.control('a').await;
        page.control('v').await;
        (page.value("filter").await == object.id).then_some(())
    })
    .await;
    page.fill("filter", "").await;
}

#[test]
fn a_second_start_leaves_the_queue_to_the_first() {
    let world = World::new();
    in_a_window(&world, async |screen, page| {
        page.see("empty-state").await;
        let mut second = Group::start(&mut screen.command(binary("skylift-desktop")));
        let status = second.wait(SECOND_START);
        assert!(
            status.is_some_and(|status| status.success()),
            "the second window did not hand over: {status:?}"
        );
        page.see("empty-state").await;
    });
}

#[test]
fn a_queue_that_cannot_be_opened_is_told_and_tried_again() {
    let world = World::new();
    let place = world.data().join("skylift");
    std::fs::create_dir_all(world.data()).unwrap();
    std::fs::write(&place, b"a file where the folder belongs").unwrap();
    in_a_window(&world, async |_, page| {
        page.see("notice").await;
        let told = page.text(&by("notice")).await;
        assert!(told.contains("data folder"), "{told}");
        page.picture("11-no-queue").await;
        std::fs::remove_file(&place).unwrap();
        page.see("empty-state").await;
    });
}
