/** What a connection asks the program, and what the program's functions make of it. */

import type { NativeQuestion } from "./addon";
import { together } from "./auth";
import { callable, wrongType } from "./check";
import type { Auth, ConnectionOptions, PoolServer, ServerInfo } from "./types";

/** Names and values. */
type Answer = Record<string, unknown>;

/** What there is to know for a question. */
interface About {
  attempts: number;
  servers: PoolServer[];
  info: ServerInfo;
  url: string;
  nonce: string | null;
}

type Answering = (about: About) => Answer | Promise<Answer>;

/** The options that are functions which answer questions. */
export const HANDLERS = [
  "authenticator",
  "certificateHandler",
  "pickServerHandler",
  "reconnectDelayHandler",
  "wsHeadersHandler",
] as const;

/** nats.js's names of what an authenticator says, and the core's. */
const AUTH: Readonly<Record<keyof Auth, string>> = {
  user: "user",
  pass: "password",
  auth_token: "token",
  nkey: "nkey",
  jwt: "jwt",
  sig: "signature",
  seed: "seed",
  creds: "creds",
};

/** The answers to the questions of one connection. */
export class Questions {
  readonly #answers = new Map<string, Answering>();
  readonly #report: (thrown: unknown) => void;

  constructor(options: ConnectionOptions, report: (thrown: unknown) => void) {
    this.#report = report;
    for (const name of HANDLERS) {
      if (!Array.isArray(options[name])) {
        callable(name, options[name]);
      }
    }
    const { reconnectDelayHandler, pickServerHandler, wsHeadersHandler } = options;
    const { authenticator, certificateHandler } = options;
    const add = (ask: string, answering: Answering | undefined | false): void => {
      if (answering) {
        this.#answers.set(ask, answering);
      }
    };
    add("reconnect_delay", reconnectDelayHandler && (async ({ attempts }) => {
      return delay("reconnectDelayHandler", await reconnectDelayHandler(attempts));
    }));
    add("pick_server", pickServerHandler && (async ({ servers, info }) => {
      const picked = await pickServerHandler(servers, info);
      if (picked === undefined) {
        return {};
      }
      return { url: picked.url, ...delay("pickServerHandler", picked.delay) };
    }));
    add("login", authenticator && (async ({ nonce }) => {
      const auth = await together(authenticator, nonce ?? undefined);
      const known = (name: string) => AUTH[name as keyof Auth] ?? name;
      return Object.fromEntries(Object.entries(auth).map(([name, said]) => [known(name), said]));
    }));
    add("certificate", certificateHandler && (async () => ({ ...(await certificateHandler()) })));
    add("ws_headers", wsHeadersHandler && (async ({ url }) => ({
      ...(await wsHeadersHandler(url)),
    })));
  }

  /** What is to be asked. */
  get asks(): string[] {
    return [...this.#answers.keys()];
  }

  /** Answers, now or later. */
  async answer(question: NativeQuestion): Promise<void> {
    try {
      const answering = this.#answers.get(question.ask) as Answering;
      const about = JSON.parse(question.about) as About;
      const given = Object.entries(await answering(about)).filter(([, v]) => v !== undefined);
      const values = given.map(([name, said]) => bytes(name, said));
      question.answer(given.map(([name]) => name), values);
    } catch (thrown) {
      // The text is the program's, and may be a secret.
      const kind = thrown instanceof Error ? thrown.name : typeof thrown;
      question.refuse(`it threw ${kind}`);
      this.#report(thrown);
    }
  }
}

function delay(name: string, millis: unknown): Answer {
  if (millis === undefined || (typeof millis === "number" && millis < 0)) {
    return {};
  }
  if (typeof millis !== "number" || !Number.isFinite(millis)) {
    throw wrongType(`${name}'s result`, "a number of milliseconds", millis);
  }
  return { delay_ms: String(Math.ceil(millis)) };
}

function bytes(name: string, said: unknown): Buffer {
  if (typeof said === "string") {
    return Buffer.from(said);
  }
  if (said instanceof Uint8Array) {
    return Buffer.from(said.buffer, said.byteOffset, said.byteLength);
  }
  // Not what it is: it may be a secret.
  throw wrongType(name, "a string or a Uint8Array", typeof said);
}
