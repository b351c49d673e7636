//! Operations on accounts.

use super::{Op, Run, api_errors, write};

/// What an account has of JetStream.
pub const ACCOUNT_INFO: Op = Op {
    name: "account_info",
    input: None,
    output: "what the account uses and what it may have, under the server's own names, by tiers, too, \
             where the server has some",
    errors: api_errors!(),
    doc: "What the connection's account has of JetStream, and what it may have.",
    run: Run::JetStream(|js, _| Box::pin(async move { write(&js.account_info().await?) })),
};
