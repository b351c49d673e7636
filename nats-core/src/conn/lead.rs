//! A thread that waits for something of a connection reads its socket meanwhile, so that no other
//! thread has to be woken for it, and then wake this one.

use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::bell::Bell;
use super::inbound::Inbound;
use super::shared::{Shared, lock};
use super::socket::Socket;

/// The right of one thread to read a connection's socket. Until it is dropped, the connection's
/// task is not told what arrives: it is for as long as the thread waits and no longer.
pub struct Lead {
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    inbound: Arc<Mutex<Inbound>>,
    bell: Arc<Bell>,
    /// Something may have arrived already.
    eager: bool,
    /// The socket is the driver's again: it is at its end, or the thread will be back.
    over: bool,
}

impl Lead {
    /// None: through TLS, while another thread has it, and at the first time, for which the driver
    /// has to prepare.
    pub(crate) fn of(shared: &Arc<Shared>) -> Option<Lead> {
        let (socket, inbound) = lock(&shared.shortcut).inbound()?;
        let (bell, eager) = socket.lead(|| shared.order(|_| {}))?;
        Some(Lead { shared: Arc::clone(shared), socket, inbound, bell, eager, over: false })
    }

    /// What ends a [`Lead::wait`].
    pub fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// Waits until something has arrived, the bell rings, or the time is over; it may return for no
    /// reason, too. What has arrived is then with those whom it concerns, who have been woken.
    pub fn wait(&mut self, timeout: Duration) {
        if self.over {
            self.bell.wait(None, timeout);
        } else if std::mem::take(&mut self.eager) || self.socket.wait(&self.bell, timeout) {
            self.read();
        }
    }

    /// Ends it for a thread that will soon be back: what arrives in the next fifth of a millisecond
    /// waits for it.
    pub fn leave(mut self) {
        if !std::mem::replace(&mut self.over, true) {
            self.socket.leave();
        }
    }

    /// What becomes readable when something arrives, for who waits by other means than
    /// [`Lead::wait`]; None when there is nothing to wait for any more.
    pub fn socket(&self) -> Option<BorrowedFd<'_>> {
        (!self.over).then(|| self.socket.as_fd())
    }

    /// Hands out what has arrived, if anything has.
    pub fn read(&mut self) {
        let mut inbound = lock(&self.inbound);
        match self.socket.read(inbound.buffer.room()) {
            Ok(count) if count > 0 => {
                inbound.arrived(count, &self.shared);
                let left = inbound.answer_pongs(&self.shared);
                drop(inbound);
                if left {
                    self.shared.order(|_| {});
                }
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            _ => {
                drop(inbound);
                self.over = true;
                self.socket.give_up();
            }
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if !self.over {
            self.socket.give_back();
        }
    }
}
