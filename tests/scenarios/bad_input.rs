//! What bad input gets: a clear message with a next step, and nothing lost.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use skylift_model::names::{remote_name, shown};
use skylift_sandbox::{Config, Service};
use skylift_tests::{Account, Finished, World, accounts};

use crate::hostile_names::HOSTILE_NAMES;

fn archetype() -> Account {
    accounts()[4]
}

fn notion() -> Account {
    accounts()[1]
}

fn upload(world: &World, path: &std::path::Path, account: Account) -> Finished {
    world.skylift([
        "upload".as_ref(),
        path.as_os_str(),
        "--to".as_ref(),
        account.name().as_ref(),
        "--json".as_ref(),
    ])
}

/// The one file was refused with a reason that has all these words, before anything was sent.
fn assert_skipped(world: &World, finished: &Finished, words: &[&str]) {
    assert_eq!(finished.code(), 1, "{}{}", finished.stdout, finished.stderr);
    let skipped = finished.events("skipped");
    assert_eq!(skipped.len(), 1, "{}", finished.stdout);
    let reason = skipped[0]["reason"].as_str().unwrap();
    for word in words {
        assert!(reason.contains(word), "{reason:?} does not say {word:?}");
    }
    assert_eq!(world.sandbox().stats().file_bytes, 0);
}

#[test]
fn a_wrong_key_is_refused_when_the_account_is_added() {
    let world = World::new();
    let base_url = world.sandbox().base_url(Service::Notion);
    let mut command = world.command([
        "account",
        "add",
        "notion",
        "--service",
        "notion",
        "--base-url",
        &base_url,
        "--json",
    ]);
    command.env("SKYLIFT_KEY_NOTION", "wrong-key");
    let finished = world.finish(command).expect(3);
    assert!(finished.stderr.contains("key"), "{}", finished.stderr);
    assert!(
        world
            .skylift(["account", "list", "--json"])
            .expect(0)
            .lines()
            .is_empty()
    );
}

#[test]
fn a_key_that_is_refused_later_makes_uploads_wait_for_the_person() {
    let world = World::with_account(archetype());
    let file = world.file("a.txt", 1000);
    let mut command = world.command(["upload", file.to_str().unwrap(), "--to", "archetype", "--json"]);
    command.env("SKYLIFT_KEY_ARCHETYPE", "wrong-key");
    let finished = world.finish(command).expect(3);
    let waiting = finished.events("waiting");
    assert_eq!(waiting.last().unwrap()["hold"], "sign_in", "{}", finished.stdout);
    let _ = world.skylift(["run", "--until-idle", "--json"]).expect(0);
    world.assert_holds_once(Service::Archetype, &file);
}

#[test]
fn a_file_over_the_limit_is_refused_before_a_byte_is_sent() {
    let world = World::with_account(notion());
    let path = world.files().join("huge.txt");
    std::fs::File::create(&path).unwrap().set_len(6 << 30).unwrap();
    assert_skipped(&world, &upload(&world, &path, notion()), &["GiB"]);
}

#[test]
fn a_type_the_service_does_not_take_is_named() {
    let world = World::with_account(notion());
    let file = world.file("notes.xyz", 10);
    assert_skipped(&world, &upload(&world, &file, notion()), &["xyz"]);
}

#[test]
fn a_name_over_900_bytes_cannot_be_on_this_disk_and_is_refused_for_an_import() {
    let world = World::with_account(notion());
    let url = format!("{}/_sandbox/files/10/a.txt", world.sandbox().url());
    let name = format!("{}.txt", "n".repeat(900));
    let finished = world.skylift(["import", &url, "--to", "notion", "--name", &name, "--json"]);
    assert_skipped(&world, &finished, &["900"]);
}

#[test]
fn a_wrong_mode_or_option_is_one_mistake_however_many_files_there_are() {
    let world = World::with_account(archetype());
    let file = world.file("folder/a.txt", 10);
    let _ = world.file("folder/b.txt", 10);
    let folder = file.parent().unwrap().to_str().unwrap();
    for wrong in [["--mode", "bogus"], ["--option", "bogus=1"]] {
        let arguments = ["upload", folder, "--to", "archetype", "--json"];
        let finished = world.skylift(arguments.into_iter().chain(wrong)).expect(2);
        assert!(finished.stderr.contains("bogus"), "{}", finished.stderr);
        assert_eq!(finished.events("skipped").len(), 0, "{}", finished.stdout);
    }
    assert!(world.skylift(["queue", "--json"]).expect(0).lines().is_empty());
}

#[test]
fn a_missing_file_is_named() {
    let world = World::with_account(archetype());
    let finished = upload(&world, &world.files().join("nowhere.txt"), archetype());
    assert_skipped(&world, &finished, &["not there"]);
}

#[test]
fn a_file_that_may_not_be_read_is_named() {
    let world = World::with_account(archetype());
    let file = world.file("locked.txt", 10);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&file).is_err() {
        return assert_skipped(&world, &upload(&world, &file, archetype()), &["may not be read"]);
    }
    // Root may read everything. As somebody else the one who runs this owns the same files, and may not.
    let plain = ["--user", "--map-user=1000", "--map-group=1000"];
    if !crate::watched::can("namespaces of a user", "unshare", &[&plain[..], &["true"]].concat()) {
        return;
    }
    let upload = world.command([
        "upload".as_ref(),
        file.as_os_str(),
        "--to".as_ref(),
        "archetype".as_ref(),
        "--json".as_ref(),
    ]);
    let mut command = Command::new("unshare");
    command.args(plain).arg(upload.get_program()).args(upload.get_args());
    command.env_clear().current_dir(world.files());
    command.envs(upload.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert_skipped(&world, &world.finish(command), &["may not be read"]);
}

#[test]
fn a_symbolic_link_is_refused_and_what_it_points_to_is_not_read() {
    let world = World::with_account(archetype());
    let file = world.file("real.txt", 10);
    let link = world.files().join("link.txt");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_skipped(&world, &upload(&world, &link, archetype()), &["symbolic link"]);
}

#[test]
fn a_pipe_is_refused_and_does_not_hold_anything_up() {
    let world = World::with_account(archetype());
    let pipe = world.files().join("pipe.txt");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_skipped(&world, &upload(&world, &pipe, archetype()), &["pipe"]);
}

#[test]
fn an_empty_file_arrives_or_is_refused_in_words() {
    for account in accounts() {
        let world = World::with_account(account);
        let file = world.file(format!("empty.{}", account.ending), 0);
        let finished = upload(&world, &file, account);
        if finished.code() == 0 {
            world.assert_holds_once(account.service, &file);
        } else {
            assert_skipped(&world, &finished, &["empty"]);
        }
    }
}

#[test]
fn hostile_names_arrive_and_are_shown_escaped() {
    for account in accounts() {
        let world = World::with_account(account);
        let names: [&[u8]; 6] = [
            b"line\nbreak",
            "evil\u{202e}gpj".as_bytes(),
            "🚀 emoji ü".as_bytes(),
            b"not\xff\xfetext",
            b"-rf",
            b"<b>=1+1&%0A",
        ];
        for (number, name) in names.into_iter().enumerate() {
            let mut name = name.to_vec();
            name.extend(format!(".{}", account.ending).bytes());
            let file = world.file(OsStr::from_bytes(&name), 1000 + number as u64);
            let finished = world
                .skylift([
                    "upload".as_ref(),
                    file.as_os_str(),
                    "--to".as_ref(),
                    account.name().as_ref(),
                ])
                .expect(0);
            assert!(!finished.stdout.contains('\u{202e}') && !finished.stderr.contains('\u{202e}'));
            world.assert_holds_once(account.service, &file);
        }
        assert_eq!(world.objects(account.service).len(), names.len());
    }
}

/// What a terminal obeys, or what changes the order of the text around it.
fn acts_on_a_screen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn hostile_names_are_listed_and_do_nothing_to_a_terminal() {
    let world = World::with_account(archetype());
    let folder = world.files().join("hostile");
    std::fs::create_dir(&folder).unwrap();
    for (_, name) in HOSTILE_NAMES {
        std::fs::write(folder.join(OsStr::from_bytes(name)), name).unwrap();
    }
    let added = world
        .skylift(["upload", "hostile", "--to", "archetype", "--detach"])
        .expect(0);
    let listed = world.skylift(["queue"]).expect(0);
    for said in [&added.stdout, &added.stderr, &listed.stdout, &listed.stderr] {
        let acts = said.lines().find(|line| line.contains(acts_on_a_screen));
        assert_eq!(acts, None);
    }
    for (what, name) in HOSTILE_NAMES {
        let shown = shown(remote_name(name).as_bytes());
        let is_there = listed.stdout.lines().any(|line| line.ends_with(&format!("  {shown}")));
        assert!(is_there, "{what}: {shown:?} is not in the list:\n{}", listed.stdout);
        let text = String::from_utf8_lossy(name);
        for c in text.chars().filter(|c| acts_on_a_screen(*c)) {
            assert!(shown.contains(&escaped(c)), "{what}: {c:?} is not in {shown:?}");
        }
    }
}

/// What stands for a character that acts: a control character has another name at the service as well.
fn escaped(c: char) -> String {
    if c.is_control() {
        let bytes = c.to_string().into_bytes();
        let escape = |byte: &u8| ["%".to_owned(), hex::encode_upper([*byte])];
        bytes.iter().flat_map(escape).collect()
    } else {
        c.escape_unicode().to_string()
    }
}

#[test]
fn a_folder_with_10000_files_is_added_in_one_go() {
    let world = World::with_account(archetype());
    for number in 0..10_000 {
        let name = format!("many/{number}.txt");
        let path = world.files().join(&name);
        if number == 0 {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        std::fs::write(path, name).unwrap();
    }
    let finished = world
        .skylift(["upload", "many", "--to", "archetype", "--detach", "--json"])
        .expect(0);
    assert_eq!(finished.events("added").len(), 10_000);
    assert_eq!(world.skylift(["queue", "--json"]).expect(0).lines().len(), 10_000);
}

#[test]
fn a_broken_definition_is_answered_with_line_problem_and_remedy() {
    let world = World::new();
    let path = world.files().join("broken.toml");
    std::fs::write(&path, "id = \"mine\"\nname = \"Mine\"\n[limitz]\nfile = 1\n").unwrap();
    let finished = world.skylift(["service", "check", path.to_str().unwrap()]).expect(2);
    let said = finished.stdout + &finished.stderr;
    assert!(
        said.contains(":3:") && said.contains("limitz") && said.contains("limits"),
        "{said}"
    );
}

#[test]
fn an_unreachable_service_is_waited_for_without_spending_attempts() {
    let mut world = World::with_account(archetype());
    let file = world.file("a.txt", 1000);
    let address = world.sandbox().url().to_owned();
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    world.stop_sandbox();
    let mut command = world.command(["upload", file.to_str().unwrap(), "--to", "archetype", "--json"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let waiting = lines
        .find(|line| line.as_ref().unwrap().contains("\"waiting\""))
        .unwrap()
        .unwrap();
    assert!(
        waiting.contains("\"offline\"") && waiting.contains("reached"),
        "{waiting}"
    );
    world.start_sandbox(&Config {
        port,
        keys: vec![world.canary().key.clone()],
        ..Config::default()
    });
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    world.hear("an upload that waits", rest.join("\n").into_bytes());
    assert!(child.wait().unwrap().success(), "{rest:?}");
    let completed = rest.iter().find(|line| line.contains("\"completed\"")).unwrap();
    assert!(completed.contains("\"attempts\":1"), "{completed}");
    world.assert_holds_once(Service::Archetype, &file);
}

#[test]
fn plain_http_is_for_loopback_only() {
    let world = World::new();
    let finished = world
        .skylift([
            "account",
            "add",
            "x",
            "--service",
            "notion",
            "--base-url",
            "http://example.com",
        ])
        .expect(2);
    assert!(finished.stderr.contains("https"), "{}", finished.stderr);
}

#[test]
fn a_locked_database_is_named_and_loses_nothing() {
    let world = World::with_account(archetype());
    let file = world.file("a.txt", 1000);
    let _ = world
        .skylift(["upload", file.to_str().unwrap(), "--to", "archetype", "--detach"])
        .expect(0);
    let other = rusqlite::Connection::open(world.data().join("queue.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = world.skylift(["run", "--until-idle"]);
    assert_ne!(refused.code(), 0);
    assert!(
        refused.stderr.contains("locked by another program"),
        "{}",
        refused.stderr
    );
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    let _ = world.skylift(["run", "--until-idle"]).expect(0);
    world.assert_holds_once(Service::Archetype, &file);
}

#[test]
fn a_broken_settings_file_is_named_and_left_alone() {
    let world = World::with_account(archetype());
    let path = world.data().join("settings.toml");
    std::fs::write(&path, "accounts = 7\n").unwrap();
    let finished = world.skylift(["account", "list"]).expect(2);
    assert!(finished.stderr.contains("settings.toml"), "{}", finished.stderr);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "accounts = 7\n");
}

/// A data folder on a file system of 64 KiB stands in for a full disk: the queue does not fit. Then there is room.
const FULL_DISK: &str = r#"
mount -t tmpfs -o size=64k none "$SKYLIFT_DATA_DIR"
cp "$FROM"/settings.toml "$SKYLIFT_DATA_DIR"
if "$@"; then exit 100; fi
mount -o remount,size=64m "$SKYLIFT_DATA_DIR"
echo "there is room" >&2
"$@"
"$1" --json queue
"#;

#[test]
fn a_full_disk_is_named_and_the_file_is_taken_when_there_is_room() {
    let plain = ["--mount", "true"];
    if !crate::watched::can("mounts of a program", "unshare", &plain) {
        return;
    }
    let world = World::with_account(archetype());
    let file = world.file("a.txt", 1000);
    let small = world.files().join("small");
    std::fs::create_dir(&small).unwrap();
    let upload = world.command(["--json", "upload", file.to_str().unwrap(), "--to", "archetype"]);
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-euc", FULL_DISK, "sh"]);
    command.arg(upload.get_program()).args(upload.get_args()).env_clear();
    command.envs(upload.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("FROM", world.data()).env("SKYLIFT_DATA_DIR", &small);
    let finished = world.finish(command).expect(0);
    let (full, _) = finished.stderr.split_once("there is room").unwrap();
    assert!(
        full.contains("disk is full"),
        "{}\n{}",
        finished.stdout,
        finished.stderr
    );
    assert_eq!(finished.events("completed").len(), 1, "{}", finished.stdout);
    world.assert_holds_once(Service::Archetype, &file);
}
