//! A person has a folder watched: picks it in the dialog of the system, looks at what would happen, switches it on. Then
//! somebody else puts files into it, and takes it away and brings it back.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use skylift_sandbox::Service;
use skylift_tests::{Account, World, accounts};

use super::page::{Page, by};
use super::screen::Screen;
use super::{add_account, in_a_window};

/// What the dialog of the system is called.
const DIALOG: &str = "Select Folder";

#[test]
fn a_person_has_a_folder_watched_and_what_is_put_into_it_arrives() {
    let world = World::new();
    let folder = world.files().join("incoming");
    let first = world.file("incoming/minutes.txt", 4321);
    let _temporary = world.file("incoming/minutes of today.txt.part", 99);
    in_a_window(&world, async |screen, page| {
        page.see("empty-state").await;
        for account in [account(), accounts()[4]] {
            add_account(page, &world, account).await;
        }
        page.click("view-folders").await;
        page.picture("20-no-folder").await;
        page.click("folders-add").await;
        page.see("folder-dialog").await;
        pick(screen, page, &folder).await;
        choose(page).await;
        preview(page).await;
        page.click("folder-save").await;
        page.miss("folder-dialog").await;
        page.see("folder").await;
        let mut sent = vec![first];
        counted(page, sent.len()).await;
        page.picture("23-watched").await;
        sent.extend(written_from_outside(page, &folder).await);
        counted(page, sent.len()).await;
        page.picture("26-counted").await;
        sent.extend(away_and_back(page, &folder).await);
        counted(page, sent.len()).await;
        page.picture("28-back").await;
        other_choices(page).await;
        page.look("dark").await;
        page.click("view-folders").await;
        counted(page, sent.len()).await;
        page.picture("29-dark").await;
        for file in &sent {
            world.assert_holds_once(Service::Andi, file);
        }
        let stored: usize = Service::ALL.map(|service| world.objects(service).len()).iter().sum();
        assert_eq!(stored, sent.len(), "an object too many");
    });
}

fn account() -> Account {
    accounts()[0]
}

/// Types the path into the dialog of the system, as a person may who knows it.
async fn pick(screen: &Screen, page: &Page, folder: &Path) {
    page.click("folder-pick").await;
    let dialog = page
        .until("the dialog of the system", async || screen.window(DIALOG))
        .await;
    screen.hand(&["windowfocus", "--sync", &dialog]);
    screen.hand(&["key", "slash"]);
    screen.hand(&["key", "ctrl+a"]);
    screen.hand(&["type", folder.to_str().unwrap()]);
    screen.hand(&["key", "Return"]);
    page.until("the folder in the form", async || {
        page.text(&by("folder-pick-path"))
            .await
            .contains("incoming")
            .then_some(())
    })
    .await;
    assert_eq!(screen.window(DIALOG), None);
}

/// Where the files go.
async fn choose(page: &Page) {
    let target = format!("[data-testid=target][data-account={:?}]", account().name());
    page.click_on(&target).await;
    page.picture("21-folder-form").await;
}

/// One file goes, one has a temporary name; and nothing has happened yet.
async fn preview(page: &Page) {
    page.click("folder-look").await;
    page.see("preview-list").await;
    page.picture("22-folder-preview").await;
    for fate in ["new", "excluded"] {
        let chip = page.text(&format!("[data-testid=fate-{fate}] strong")).await;
        assert_eq!(chip, "1", "{fate}");
    }
    assert_eq!(page.text("[data-testid=fate-all] strong").await, "2");
    let goes = page.text("[data-testid=preview-row][data-fate=new]").await;
    assert!(goes.contains("minutes.txt"), "{goes}");
    let left = page.text("[data-testid=preview-row][data-fate=excluded]").await;
    assert!(
        left.contains("minutes of today.txt.part") && left.contains("temporary or hidden name (*.part)"),
        "{left}"
    );
}

/// A file that is written slowly is waited for; others come at once, one of them in a new subfolder.
async fn written_from_outside(page: &Page, folder: &Path) -> Vec<PathBuf> {
    page.click("view-queue").await;
    let slow = folder.join("recording.txt");
    let mut writer = File::create(&slow).unwrap();
    writer.write_all("first half ".repeat(7000).as_bytes()).unwrap();
    page.see_row("[data-hold=unfinished]").await;
    said_of(page, "recording.txt", "Waiting for file").await;
    page.picture("24-waiting-for-file").await;
    writer.write_all("second half ".repeat(7000).as_bytes()).unwrap();
    drop(writer);
    let (quick, deep) = (folder.join("quick.txt"), folder.join("day 2/deep.txt"));
    fs::create_dir(folder.join("day 2")).unwrap();
    fs::write(&quick, "quick").unwrap();
    fs::write(&deep, "deep").unwrap();
    for name in ["recording.txt", "quick.txt", "deep.txt"] {
        said_of(page, name, "Done").await;
    }
    page.picture("25-done").await;
    page.click("view-folders").await;
    vec![slow, quick, deep]
}

/// The folder is moved away, which the window says; what is put into it there goes when it is back.
async fn away_and_back(page: &Page, folder: &Path) -> [PathBuf; 2] {
    let elsewhere = folder.with_file_name("elsewhere");
    fs::rename(folder, &elsewhere).unwrap();
    stands(page, "gone").await;
    let reason = page.text(&by("folder-reason")).await;
    assert!(reason.contains("The folder is not there"), "{reason}");
    page.picture("27-gone").await;
    fs::write(elsewhere.join("away.txt"), "written while it was away").unwrap();
    fs::rename(&elsewhere, folder).unwrap();
    stands(page, "watching").await;
    fs::write(folder.join("again.txt"), "written when it was back").unwrap();
    page.click("view-queue").await;
    for name in ["away.txt", "again.txt"] {
        said_of(page, name, "Done").await;
    }
    page.click("view-folders").await;
    ["away.txt", "again.txt"].map(|name| folder.join(name))
}

/// Other choices are looked at before they are kept; what was sent already stays sent.
async fn other_choices(page: &Page) {
    page.click("folder-edit").await;
    page.see("folder-dialog").await;
    page.fill("folder-exclude", "again.*").await;
    page.click("folder-more").await;
    page.fill("folder-scan-every", "15").await;
    page.picture("30-other-choices").await;
    page.click("folder-look").await;
    page.see("preview-list").await;
    for (fate, count) in [("sent", "5"), ("excluded", "2")] {
        assert_eq!(
            page.text(&format!("[data-testid=fate-{fate}] strong")).await,
            count,
            "{fate}"
        );
    }
    page.picture("31-other-choices-preview").await;
    page.click("folder-back").await;
    page.fill("folder-exclude", "").await;
    page.click("folder-save").await;
    page.miss("folder-dialog").await;
    page.click("folder-edit").await;
    page.click("folder-more").await;
    assert_eq!(page.value("folder-exclude").await, "");
    assert_eq!(page.value("folder-scan-every").await, "15");
    page.click("folder-save").await;
    page.miss("folder-dialog").await;
}

/// Waits until the card of the folder and its line in the rail say how it stands.
async fn stands(page: &Page, state: &str) {
    for part in ["folder", "rail-folder"] {
        page.until(&format!("{part} is {state}"), async || {
            let selector = format!("[data-testid={part}][data-state={state}]");
            (page.count(&selector).await == 1).then_some(())
        })
        .await;
    }
}

/// Waits until the row of a file says something.
async fn said_of(page: &Page, name: &str, word: &str) {
    let id = page.row_named(name).await;
    page.until(&format!("{name}: {word}"), async || {
        let said = page.text(&format!("[data-testid=row][data-id={id:?}]")).await;
        said.contains(word).then_some(())
    })
    .await;
}

/// Waits until the card says that so many arrived, and that nothing waits.
async fn counted(page: &Page, sent: usize) {
    let sent = sent.to_string();
    let wanted = [
        ("sent", sent.as_str()),
        ("queued", "0"),
        ("unfinished", "0"),
        ("failed", "0"),
        ("excluded", "1"),
        ("problems", "0"),
    ];
    for (what, count) in wanted {
        page.until(&format!("{what}: {count}"), async || {
            let said = page.text(&format!("[data-testid=folder] [data-count={what}] dd")).await;
            (said == count).then_some(())
        })
        .await;
    }
}
