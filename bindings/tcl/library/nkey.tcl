# Keys, JWTs and credentials. A key is a name such as nkey1, known in its interpreter until
# `nats::nkey free`, so that seeds are in the hands of scripts only where they ask for them.

namespace eval ::nats::nkey {
    # nkey generate operator|account|user|server|cluster: a new key
    # nkey from_seed seed: the key of a seed
    # nkey public key, nkey seed key, nkey kind key
    # nkey sign key bytes: a signature of 64 bytes
    # nkey verify key bytes signature: whether it is one; of a public key, too
    # nkey free key: wipes it
    namespace ensemble create -map {
        generate ::nats::core::nkey_generate
        from_seed ::nats::core::nkey_from_seed
        public ::nats::core::nkey_public
        seed ::nats::core::nkey_seed
        kind ::nats::core::nkey_kind
        sign ::nats::core::nkey_sign
        verify ::nats::core::nkey_verify
        free ::nats::core::nkey_free
    }
}

namespace eval ::nats::jwt {
    # The JWT of a user: its key or public key, the account's key that signs, a dictionary of
    # claims (docs/options.md), times in milliseconds but for moments, which are those of `clock`.
    proc encode_user {user account {claims {}}} {
        variable ::nats::core::user_claims
        ::nats::core::encode_jwt jwt_encode_user $user_claims $user $account $claims
    }

    # The JWT of an account: its key or public key, the operator's key that signs, and claims.
    proc encode_account {account operator {claims {}}} {
        variable ::nats::core::account_claims
        ::nats::core::encode_jwt jwt_encode_account $account_claims $account $operator $claims
    }

    # What a JWT says, as a dictionary, once its signature is checked against `iss`, and that such
    # a key may sign it. Whether `iss` is trusted and `exp` is over is for the script to say.
    proc decode {token} {
        ::nats::core::jwt_decode $token
    }

    namespace export {[a-z]*}
    namespace ensemble create
}

namespace eval ::nats::creds {
    # creds format token key: the content of a credentials file, for the option -creds
    # creds parse content: a dictionary of jwt and key, a new one that is to be freed
    namespace ensemble create -map {
        format ::nats::core::creds_format
        parse ::nats::core::creds_parse
    }
}

namespace eval ::nats::core {
    proc encode_jwt {command table about signer claims} {
        if {![string is list $claims] || [llength $claims] % 2} {
            invalid "claims: expected a dictionary"
        }
        set rows [dict create]
        set names [list]
        foreach {name others key kind default} $table {
            dict set rows $name [list $key $kind]
            lappend names '$key' '$name'
        }
        set spec [list]
        dict for {name value} $claims {
            # The library knows what to say about others.
            lassign [expr {[dict exists $rows $name] ? [dict get $rows $name] : [list $name text]}] \
                key kind
            lappend spec $key $kind $value
        }
        try {
            $command $spec $about $signer
        } trap {NATS ErrInvalidArg} {text options} {
            return -options $options [string map $names $text]
        }
    }
}
