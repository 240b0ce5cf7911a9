//! Lines on disk: their order, what a death leaves behind, and every way in which a disk can damage them.

use std::sync::Arc;

use super::*;

/// A process that is gone.
const OWNER: &str = "01a21380-8d1e-7633-9d92-8e3340fbdb0e";

fn line(number: u64) -> Vec<u8> {
    let mut line = format!("{{\"time\":\"{number}\",\"message\":\"{}\"", "x".repeat(number as usize % 40)).into_bytes();
    seal(&mut line, 0);
    line
}

fn backlog(folder: &tempfile::TempDir) -> Backlog {
    Backlog::new(Arc::new(Folder::new(folder.path())), "s", 1 << 30)
}

/// Puts lines behind the others, as a lane does.
fn append(backlog: &mut Backlog, line: &[u8]) -> Result<()> {
    let place = backlog.parts.back().map_or(PLACE_FIRST, Part::end);
    backlog.append(line, place)
}

/// Delivers everything; the lines, and the damage that was met.
fn drain(backlog: &mut Backlog, at_once: usize) -> (Vec<Vec<u8>>, Vec<Range<u64>>) {
    let (mut lines, mut damage) = (Vec::new(), Vec::new());
    while let Some(chunk) = backlog.read(at_once, 1 << 20, |found| damage.push(found.range)).expect("a file") {
        (0..chunk.lines.len()).for_each(|place| lines.push([chunk.lines.get(place), b"\n"].concat()));
        backlog.advance(&chunk, chunk.lines.len()).expect("a note");
    }
    (lines, damage)
}

#[test]
fn lines_come_back_in_their_order_and_the_files_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut backlog = backlog(&folder);
    (10..2_000).for_each(|number| append(&mut backlog, &line(number)).expect("room"));
    let first: Vec<Vec<u8>> = (0..10).map(line).collect();
    let first: Vec<&[u8]> = first.iter().map(Vec::as_slice).collect();
    let place = PLACE_FIRST - first.concat().len() as u64;
    backlog.prepend(&first, place, "it was \"away\"").expect("room");
    let (lines, damage) = drain(&mut backlog, 7);
    assert_eq!((lines, damage.len()), ((0..2_000).map(line).collect::<Vec<_>>(), 0));
    assert!(backlog.is_empty() && backlog.bytes() == 0);
    drop(backlog);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn what_a_dead_process_left_is_delivered_once_from_where_it_stood() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut dead = backlog(&folder);
    (0..100).for_each(|number| append(&mut dead, &line(number)).expect("room"));
    let chunk = dead.read(30, 1 << 20, |_| ()).expect("a file").expect("lines");
    dead.advance(&chunk, 30).expect("a note");
    // while it lives its files are its own
    assert!(backlog(&folder).is_empty());
    drop(dead);
    let (lines, _) = drain(&mut backlog(&folder), 1_000);
    assert_eq!(lines, (30..100).map(line).collect::<Vec<_>>());
    assert!(backlog(&folder).is_empty());
}

/// The places of all lines, as a sink is told them.
fn places(backlog: &mut Backlog, at_once: usize) -> Vec<(String, u64)> {
    let mut places = Vec::new();
    while let Some(chunk) = backlog.read(at_once, 1 << 20, |_| ()).expect("a file") {
        let lines = chunk.as_lines();
        places.extend(lines.iter().map(|line| (line.place().stream.to_owned(), line.place().end)));
        backlog.advance(&chunk, lines.len()).expect("a note");
    }
    places
}

#[test]
fn a_line_has_one_place_whatever_file_it_stands_in_and_whoever_reads_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut dead = backlog(&folder);
    let owner = dead.folder.owner().to_owned();
    let mut end = PLACE_FIRST;
    let mut expected = Vec::new();
    for number in 0..20 {
        end += line(number).len() as u64;
        expected.push((owner.clone(), end));
    }
    // the first five were in memory, in a file of their own they stand behind a note of any length
    let first: Vec<Vec<u8>> = (0..5).map(line).collect();
    let first: Vec<&[u8]> = first.iter().map(Vec::as_slice).collect();
    (5..20).for_each(|number| {
        let place = expected[number as usize - 1].1;
        dead.append(&line(number), place).expect("room");
    });
    dead.prepend(&first, PLACE_FIRST, "it was away for a long reason").expect("room");
    drop(dead);
    let copy = tempfile::tempdir().expect("a folder");
    for file in fs::read_dir(folder.path()).expect("a folder").flatten() {
        fs::copy(file.path(), copy.path().join(file.file_name())).expect("a copy");
    }
    assert_eq!(places(&mut backlog(&folder), 3), expected);
    assert_eq!(places(&mut backlog(&copy), 7), expected, "whatever is read at once");
}

#[test]
fn two_records_in_a_line_whose_feed_is_damaged_have_two_places() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bytes = left_behind().0;
    let feed = header("s", 0).len() + line(0).len() - 1;
    bytes[feed] = b'x';
    fs::write(folder.path().join(format!("{OWNER}.s.5000000000.ndjson")), bytes).expect("a file");
    let places = places(&mut backlog(&folder), 1);
    assert_eq!(places.len(), 6);
    assert!(places.windows(2).all(|pair| pair[0].0 == OWNER && pair[0].1 < pair[1].1), "{places:?}");
}

#[test]
fn a_limit_is_kept_and_refuses_without_loss() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut backlog = backlog(&folder);
    backlog.bytes_max = 300;
    let kept = (0..100).filter(|number| append(&mut backlog, &line(*number)).is_ok()).count();
    assert!((3..10).contains(&kept), "{kept}");
    assert_eq!(drain(&mut backlog, 10).0.len(), kept);
    assert!(append(&mut backlog, &line(1)).is_ok());
}

#[test]
fn what_just_fits_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut backlog = backlog(&folder);
    append(&mut backlog, &line(1)).expect("room");
    backlog.bytes_max = backlog.bytes() + line(2).len() as u64;
    append(&mut backlog, &line(2)).expect("room to the last byte");
    assert!(append(&mut backlog, &line(3)).is_err());
    assert_eq!(drain(&mut backlog, 10).0, [line(1), line(2)]);
}

#[test]
fn several_files_keep_their_order_also_for_the_next_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut dead = backlog(&folder);
    let large = |number: u64| {
        let mut line = format!("{{\"time\":\"{number}\",\"message\":\"{}\"", "x".repeat(5 << 20)).into_bytes();
        seal(&mut line, 0);
        line
    };
    (2..12).for_each(|number| append(&mut dead, &large(number)).expect("room"));
    let (first, second) = (PLACE_FIRST - (12 << 20), PLACE_FIRST - (6 << 20));
    dead.prepend(&[&large(1)], second, "away").expect("room");
    dead.prepend(&[&large(0)], first, "away again").expect("room");
    drop(dead);
    let files = fs::read_dir(folder.path())
        .expect("a folder")
        .filter(|file| file.as_ref().is_ok_and(|file| file.path().extension().is_some_and(|it| it == "ndjson")));
    assert!(files.count() >= 5, "16 MiB a file, and one for each that came before");
    let (lines, damage) = drain(&mut backlog(&folder), 2);
    assert!(lines == (0..12).map(large).collect::<Vec<_>>() && damage.is_empty());
}

#[test]
fn a_file_that_is_left_behind_counts_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut backlog = backlog(&folder);
    (0..3).for_each(|number| append(&mut backlog, &line(number)).expect("room"));
    backlog.prepend(&[&line(9)], PLACE_FIRST - 1_000, "away").expect("room");
    let path = backlog.skip_first().expect("a file");
    assert!(path.exists(), "it stays where it is");
    assert_eq!(backlog.bytes(), (0..3).map(|number| line(number).len() as u64).sum::<u64>());
    backlog.skip_first().expect("the other file");
    assert!(backlog.is_empty() && backlog.bytes() == 0 && backlog.skip_first().is_none());
}

/// A file with some lines, as a dead process leaves it, and the lines.
fn left_behind() -> (Vec<u8>, Vec<Vec<u8>>) {
    let lines: Vec<Vec<u8>> = (0..6).map(line).collect();
    ([header("s", header("s", 0).len() as u64), lines.concat()].concat(), lines)
}

fn deliver(bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<Range<u64>>) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(format!("{OWNER}.s.5000000000.ndjson")), bytes).expect("a file");
    let mut backlog = backlog(&folder);
    let found = drain(&mut backlog, 3);
    assert!(backlog.is_empty());
    for range in &found.1 {
        let name = format!("damaged-{OWNER}.s.5000000000.ndjson-{}-{}", range.start, range.end);
        let kept = fs::read(folder.path().join(name)).expect("the damaged bytes");
        assert_eq!(kept, bytes[range.start as usize..range.end as usize]);
    }
    found
}

#[test]
fn a_file_cut_anywhere_gives_what_is_whole() {
    let (bytes, lines) = left_behind();
    let size = header("s", 0).len();
    for end in 0..=bytes.len() {
        let (found, damage) = deliver(&bytes[..end]);
        let mut whole = 0;
        let mut at = size;
        while whole < lines.len() && at + lines[whole].len() - 1 <= end {
            at += lines[whole].len();
            whole += 1;
        }
        assert_eq!(found, lines[..whole], "cut at {end}");
        let is_clean = end == 0 || end == size || end == size - 1 || (end >= size && (end == at || end + 1 == at));
        assert_eq!(damage.is_empty(), is_clean, "cut at {end}: {damage:?}");
    }
}

#[test]
fn a_flipped_bit_costs_the_line_that_it_is_in() {
    let (bytes, lines) = left_behind();
    let size = header("s", 0).len();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let (found, damage) = deliver(&damaged);
        let mut at = size;
        let hit = lines.iter().position(|line| {
            at += line.len();
            // the line feed belongs to no record
            (at - line.len()..at - 1).contains(&(bit / 8))
        });
        let expected: Vec<&Vec<u8>> =
            lines.iter().enumerate().filter(|(place, _)| Some(*place) != hit).map(|(_, line)| line).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "bit {bit}");
        let is_in_header = bit / 8 < size - 1;
        assert_eq!(damage.is_empty(), hit.is_none() && !is_in_header, "bit {bit}: {damage:?}");
    }
}
