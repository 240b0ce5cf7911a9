//! What is to be done next, and with how many threads: shared by the workers.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The tasks of all files, in order.
pub(super) struct Board {
    files: usize,
    /// Tasks that may be taken and not yet written.
    ahead: usize,
    processors: usize,
    /// Threads that a page has in any case.
    share: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The file that is next to be opened.
    next_file: usize,
    /// Whether a worker is opening a file.
    opening: bool,
    /// The file that pages are taken of, and its pages from the next one on.
    file: usize,
    pages: std::vec::IntoIter<usize>,
    /// Tasks taken, and tasks handed on.
    taken: usize,
    written: usize,
    /// Threads that read pages.
    threads: usize,
    stopped: bool,
}

/// Something for one worker.
#[derive(Debug, PartialEq)]
pub(super) enum Task {
    Open(usize),
    Page { file: usize, page: usize, threads: usize },
}

impl Board {
    pub(super) fn new(files: usize, ahead: usize, jobs: usize, processors: usize) -> Self {
        // all processors for one page, where pages are read one by one
        let share = (processors / jobs).max(1);
        Self { files, ahead, processors, share, state: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next task and its number, for a worker that has given back the threads it held; `None` when there are no more.
    pub(super) fn take(&self, held: usize) -> Option<(usize, Task)> {
        let mut state = self.lock();
        state.threads -= held;
        loop {
            if state.stopped {
                return None;
            }
            if state.taken < state.written + self.ahead {
                let number = state.taken;
                if let Some(page) = state.pages.next() {
                    let threads = self.threads(&state);
                    state.taken += 1;
                    state.threads += threads;
                    return Some((number, Task::Page { file: state.file, page, threads }));
                }
                if !state.opening {
                    if state.next_file >= self.files {
                        return None;
                    }
                    let file = state.next_file;
                    state.taken += 1;
                    state.next_file += 1;
                    state.opening = true;
                    return Some((number, Task::Open(file)));
                }
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The threads of the page that was just taken: the last pages of all share what the other workers leave idle.
    fn threads(&self, state: &State) -> usize {
        if state.next_file < self.files {
            return self.share;
        }
        let idle = self.processors.saturating_sub(state.threads);
        (idle / (state.pages.len() + 1)).max(self.share)
    }

    pub(super) fn opened(&self, file: usize, pages: Vec<usize>) {
        let mut state = self.lock();
        state.opening = false;
        state.file = file;
        state.pages = pages.into_iter();
        drop(state);
        self.changed.notify_all();
    }

    /// So many tasks were handed on.
    pub(super) fn written(&self, tasks: usize) {
        self.lock().written = tasks;
        self.changed.notify_all();
    }

    /// Nothing more is to be done.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(board: &Board, held: usize) -> usize {
        match board.take(held) {
            Some((_, Task::Page { threads, .. })) => threads,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_last_pages_share_the_processors() {
        let board = Board::new(1, 100, 8, 8);
        assert_eq!(board.take(0), Some((0, Task::Open(0))));
        board.opened(0, (1..=10).collect());
        for _ in 0..3 {
            assert_eq!(page(&board, 0), 1);
        }
        // seven pages and five processors are left; then one page and what one worker gives back
        for _ in 0..4 {
            assert_eq!(page(&board, 0), 1);
        }
        for _ in 0..2 {
            assert_eq!(page(&board, 1), 1);
        }
        assert_eq!(page(&board, 1), 2);
        assert_eq!(board.take(2), None);
    }

    #[test]
    fn a_lone_page_has_them_all_and_one_among_files_its_share() {
        let board = Board::new(2, 100, 4, 4);
        board.take(0);
        board.opened(0, vec![1]);
        assert_eq!(page(&board, 0), 1);
        assert_eq!(board.take(1), Some((2, Task::Open(1))));
        board.opened(1, vec![1]);
        assert_eq!(page(&board, 0), 4);
        let one_by_one = Board::new(9, 100, 1, 4);
        one_by_one.take(0);
        one_by_one.opened(0, vec![1]);
        assert_eq!(page(&one_by_one, 0), 4);
    }
}
