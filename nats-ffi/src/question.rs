//! What connections ask the program.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex};

use nats_bridge::delivery::Lifeline;
use nats_bridge::question::{self, Answer, Ask, Question};
use nats_bridge::sync::lock;
use nats_core::{Code, ConnectOptions, Error, Result};

use crate::error::nats_error;
use crate::guard::{guard, guard_out};
use crate::handle::{self, Owned};
use crate::options::{Settings, nats_options};
use crate::types::{nats_bytes, nats_destroy_cb, nats_status, nats_str};
use crate::user::User;

/// A question of a connection to the program, which is answered within its callback.
pub struct nats_question(());

/// The object behind a `nats_question`: valid as long as the callback runs.
pub(crate) struct Asked {
    about: String,
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    answer: Answer,
    refusal: Option<String>,
}

/// Answers a question by nats_question_answer(), or refuses by nats_question_refuse(), before it
/// returns; the question is NATS_ERR_INVALID_HANDLE afterwards. Runs on a delivery thread, one
/// question of a connection at a time, those of several connections at the same time. It may block,
/// which delays the connection, whose attempt has "connect_timeout_ms" in all, and it may close or
/// free the connection, but must not drain it.
pub type nats_question_cb =
    Option<unsafe extern "C" fn(question: *mut nats_question, user: *mut c_void)>;

type QuestionFn = unsafe extern "C" fn(*mut nats_question, *mut c_void);

/// Sets the function that says who connects, asked for each attempt to connect: an alternative to
/// the options "user", "password", "token", "nkey_seed", "jwt", "creds" and their files.
///
/// The question is about "url" (the server) and "nonce" (the text that the server asks to sign, or
/// null). The answer has some of "user", "password", "token", "jwt", "nkey" (the public key),
/// "signature" (of the nonce, 64 bytes), or instead of signing oneself "seed" or "creds" (the
/// content of a credentials file). None at all connects without a name. Credentials in the server's
/// URL go before it. A NULL `cb` removes the function. `destroy` (may be NULL) runs once no
/// connection that is not freed and no options object refers to the function any more.
#[unsafe(no_mangle)]
pub extern "C" fn nats_options_on_login(
    opts: *mut nats_options,
    cb: nats_question_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    set(Ask::Login, opts, cb, User::new(user, destroy), err)
}

/// Sets the function that yields the client's certificate, asked for each connection with TLS. The
/// question is about "url"; the answer is "cert" and "key", in PEM. The rest as
/// nats_options_on_login().
#[unsafe(no_mangle)]
pub extern "C" fn nats_options_on_certificate(
    opts: *mut nats_options,
    cb: nats_question_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    set(Ask::Certificate, opts, cb, User::new(user, destroy), err)
}

/// Sets the function that yields headers of the request that opens a WebSocket, asked for each
/// attempt. The question is about "url"; the answer is names and values. The rest as
/// nats_options_on_login().
#[unsafe(no_mangle)]
pub extern "C" fn nats_options_on_ws_headers(
    opts: *mut nats_options,
    cb: nats_question_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    set(Ask::WsHeaders, opts, cb, User::new(user, destroy), err)
}

/// Sets the function that decides which server is tried next once a connection was lost (ADR-40).
/// The question is about "servers" (those that may be tried: "url", "discovered", "failures" and
/// perhaps "error" of each) and "info" (what the last server told of itself); the answer is "url",
/// one of those, and perhaps "delay_ms", how long to wait first, in digits; a server that the last
/// attempt has failed at is given "reconnect_delay_min_ms" at least. No answer stands for the usual
/// order and wait. The rest as nats_options_on_login().
#[unsafe(no_mangle)]
pub extern "C" fn nats_options_on_pick_server(
    opts: *mut nats_options,
    cb: nats_question_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    set(Ask::PickServer, opts, cb, User::new(user, destroy), err)
}

/// What a question is about, as a JSON object; `*json` is valid until the callback returns.
#[unsafe(no_mangle)]
pub extern "C" fn nats_question_about(
    question: *mut nats_question,
    json: Option<&mut MaybeUninit<nats_str>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(json, err, || {
        Ok(nats_str::view(handle::get::<Arc<Asked>>(question)?.about.as_bytes()))
    })
}

/// Adds a member to the answer, or replaces the one of this name; the value is copied, and wiped
/// after its use. A name that the question does not know, or a value that makes no sense, fails the
/// attempt to connect (which server to pick: the usual one is taken).
///
/// Errors: `INVALID_ARGUMENT`; `INVALID_HANDLE` outside the callback.
#[unsafe(no_mangle)]
pub extern "C" fn nats_question_answer(
    question: *mut nats_question,
    name: nats_str,
    value: nats_bytes,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let asked = handle::get::<Arc<Asked>>(question)?;
        let name = name.text("name", Code::InvalidArgument)?;
        if name.is_empty() {
            return Err(Error::new(Code::InvalidArgument, "name: must not be empty"));
        }
        let value = value.bytes("value")?.to_vec().into();
        let answer = &mut lock(&asked.said).answer;
        answer.retain(|(known, _)| known != name);
        answer.push((name.to_owned(), value));
        Ok(())
    })
}

/// Fails the attempt to connect with this text, whatever is answered besides. Of no effect for a
/// question which server to pick but that the usual one is.
///
/// Errors: `INVALID_ARGUMENT`; `INVALID_HANDLE` outside the callback.
#[unsafe(no_mangle)]
pub extern "C" fn nats_question_refuse(
    question: *mut nats_question,
    why: nats_str,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let asked = handle::get::<Arc<Asked>>(question)?;
        let why = why.text("why", Code::InvalidArgument)?.to_owned();
        lock(&asked.said).refusal = Some(why);
        Ok(())
    })
}

fn set(
    ask: Ask,
    opts: *mut nats_options,
    cb: nats_question_cb,
    user: User,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let hook = cb.map(|call| Hook::Question(QuestionHook { call, user }));
        install(opts, ask, hook)
    })
}

/// Puts a hook into an options object, or removes the one that is there.
pub(crate) fn install(opts: *mut nats_options, ask: Ask, hook: Option<Hook>) -> Result<()> {
    let settings = handle::get::<Settings>(opts)?;
    let before = settings.replace_hook(ask, hook.map(Arc::new));
    // Behind the lock: its destroy function may use the options.
    drop(before);
    Ok(())
}

/// Has the program's functions asked by connections with these options, as long as the result lives.
pub(crate) fn ask(
    connect: &mut ConnectOptions,
    hooks: Vec<(Ask, Arc<Hook>)>,
) -> Result<Option<Lifeline>> {
    if hooks.is_empty() {
        return Ok(None);
    }
    let asks: Vec<_> = hooks.iter().map(|(ask, _)| *ask).collect();
    let (ask, lifeline) = question::on_delivery_thread(move |question| {
        if let Some((_, hook)) = hooks.iter().find(|(ask, _)| *ask == question.ask()) {
            hook.answer(question);
        }
    })?;
    question::install(connect, &asks, ask);
    Ok(Some(lifeline))
}

/// A function of the program that answers a question.
pub(crate) enum Hook {
    Delay(crate::options::DelayHook),
    Question(QuestionHook),
}

pub(crate) struct QuestionHook {
    call: QuestionFn,
    user: User,
}

impl Hook {
    /// Has the program answer.
    pub(crate) fn answer(&self, question: Question) {
        match self {
            Hook::Delay(hook) => {
                // The document has it whenever this is what is asked.
                let attempts = question.about().get_int("attempts").unwrap_or_default();
                let delay = hook.call(u32::try_from(attempts).unwrap_or(u32::MAX));
                question.answer_delay(delay);
            }
            Hook::Question(hook) => hook.answer(question),
        }
    }
}

impl QuestionHook {
    fn answer(&self, question: Question) {
        let about = question.about().to_json();
        let asked = Asked { about, said: Mutex::default() };
        let owned = match Owned::new(Arc::new(asked)) {
            Ok(owned) => owned,
            Err(error) => return question.refuse(error.text()),
        };
        // SAFETY: the program gave the function for exactly such calls; `user` is still owned.
        unsafe { (self.call)(owned.ptr(), self.user.ptr()) }
        let said = handle::get::<Arc<Asked>>(owned.ptr())
            .map(|asked| std::mem::take(&mut *lock(&asked.said)));
        // The question is over before anybody goes on with its answer.
        drop(owned);
        match said {
            Ok(Said { refusal: Some(why), .. }) => question.refuse(&why),
            Ok(said) => question.answer(said.answer),
            Err(error) => question.refuse(error.text()),
        }
    }
}
