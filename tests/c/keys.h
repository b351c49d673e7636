/*
 * Keys and tokens of nobody, for servers of the tests for C and C++ only: an operator's public key,
 * an account that it signed, a user of that account, and a user known by an NKey alone.
 */
#ifndef KEYS_H
#define KEYS_H

#define KEYS_OPERATOR \
  "OCSXOWHSEBKL7FPIEWABF2CYPUWAXI3H7M6ZX4LWUTNKBP7N4LUEGZFX"

#define KEYS_ACCOUNT \
  "ACPGPZ7KTIFCMN34Y5JMW2XUXPAX3ADONIBMURQMBPB4YZ3W347HRBP6"

#define KEYS_ACCOUNT_JWT \
  "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3OTU2ODc0MzYsImlzcyI6I" \
  "k9DU1hPV0hTRUJLTDdGUElFV0FCRjJDWVBVV0FYSTNIN002Wlg0TFdVVE5LQlA3TjRMVUVHWkZYIiwic" \
  "3ViIjoiQUNQR1BaN0tUSUZDTU4zNFk1Sk1XMlhVWFBBWDNBRE9OSUJNVVJRTUJQQjRZWjNXMzQ3SFJCU" \
  "DYiLCJuYW1lIjoidGVzdCIsIm5hdHMiOnsibGltaXRzIjp7InN1YnMiOi0xLCJkYXRhIjotMSwicGF5b" \
  "G9hZCI6LTEsImltcG9ydHMiOi0xLCJleHBvcnRzIjotMSwid2lsZGNhcmRzIjp0cnVlLCJjb25uIjotM" \
  "SwibGVhZiI6LTEsIm1lbV9zdG9yYWdlIjotMSwiZGlza19zdG9yYWdlIjotMSwic3RyZWFtcyI6LTEsI" \
  "mNvbnN1bWVyIjotMX0sImRlZmF1bHRfcGVybWlzc2lvbnMiOnsicHViIjp7fSwic3ViIjp7fX0sInR5c" \
  "GUiOiJhY2NvdW50IiwidmVyc2lvbiI6Mn0sImp0aSI6IjYzUUpEUTJNVUU1S0lGRkhXQzVEWFFEQkwyU" \
  "zZMTUFFM0FFSjU0T1JHNUpHR09GUTZDUVEifQ.5BVtWosleh-NAbH1RD6GMKuD9HW6J_E3R0FWmKb-Tr" \
  "rOKrKcPMrJiWhRumlubTYYHxMf_XJ6Sn36iPFzVVyJAA"

#define KEYS_USER_JWT \
  "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3OTU2ODc0MzYsImlzcyI6I" \
  "kFDUEdQWjdLVElGQ01OMzRZNUpNVzJYVVhQQVgzQURPTklCTVVSUU1CUEI0WVozVzM0N0hSQlA2Iiwic" \
  "3ViIjoiVUJMNzZHNzVVQjdCVkhWM0s0UFBEVUVaN0NUUlRDSllUSDdQRVk0NzZJSURITkdURFpCWTJEU" \
  "EsiLCJuYW1lIjoidHJ1c3RlZCIsIm5hdHMiOnsicHViIjp7fSwic3ViIjp7fSwic3VicyI6LTEsImRhd" \
  "GEiOi0xLCJwYXlsb2FkIjotMSwidHlwZSI6InVzZXIiLCJ2ZXJzaW9uIjoyfSwianRpIjoiRkZTSk40N" \
  "jJSRFMyN0Q0N0dKWEhYR09BQlJJUkhCRlZRMjU3UDZWNUZXUFlaWVFOTk9EUSJ9.IMQ3wuCxdzj9XL9i" \
  "b_h6_WFBxYc7yNCyZtZDU0SG35x8MV9HLnTaTZlznHOU-UzHx7qIzNZawieA0aEIDdzvDQ"

#define KEYS_USER_SEED \
  "SUAHYCQVZTS6WL52YXB7ENDBECIBIDNW7EHRAJEFBOC6G6D52YKDTBT3FY"

#define KEYS_NKEY \
  "UAERAU6HSTTROVHN7UQLKAQVYXEIL7JWWNXJEEAKKFFUVVB2IFJK6TDU"

#define KEYS_NKEY_SEED \
  "SUAPATRCCXAF4JQBIWQA5FSIWGUHUKICL7BDR3JR2DZPWEAJQ65WP7QE44"

/* The content of the user's credentials file, where a line ends with NL. */
#define KEYS_CREDS(NL)                                                                    \
  "-----BEGIN NATS USER JWT-----" NL KEYS_USER_JWT NL "------END NATS USER JWT------" NL   \
  "-----BEGIN USER NKEY SEED-----" NL KEYS_USER_SEED NL "------END USER NKEY SEED------" NL

/* Lines of server configuration. */
#define KEYS_TRUSTING                                                            \
  "trusted: [" KEYS_OPERATOR "]; resolver: MEMORY; resolver_preload: { " KEYS_ACCOUNT \
  ": " KEYS_ACCOUNT_JWT " }"
#define KEYS_KNOWING_NKEY "authorization { users: [{nkey: " KEYS_NKEY "}] }"

#endif
