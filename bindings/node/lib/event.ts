/** Events of a connection, from the core's documents to nats.js's statuses. */

import type { NativeQuestion } from "./addon";
import { errorOf, MalformedMessageError, StaleConnectionError } from "./errors";
import type { Status } from "./status";
import type { Subscription } from "./types";
import { deferred } from "./util";

/** What hears of the events. */
export interface Listener {
  tell(status: Status): void;
  onClosed(): void;
  onQuestion(question: NativeQuestion): void;
  getServer(): string;
  subscriptionOf(sid: number): Subscription | undefined;
}

interface Details {
  event: string;
  url: string;
  attempt: number;
  code: number;
  error: string;
  urls: string[];
  sid: number;
  subject: string;
  consumer: string;
  what: "heartbeat_missed" | "refused" | "disconnected" | "reset";
}

/** Receives the events of one connection. */
export class EventHandler {
  /** Resolves when the connection has been connected once. */
  readonly connected = deferred();
  /** The last event has come. */
  isClosed = false;
  #listener: Listener;
  #server = "";

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** @internal */
  onEvent(_kind: number, json: string): void {
    const details = JSON.parse(json) as Details;
    for (const status of this.#statuses(details)) {
      this.#listener.tell(status);
    }
    if (details.event === "connected") {
      this.connected.resolve();
    } else if (details.event === "closed") {
      this.isClosed = true;
      this.#listener.onClosed();
    }
  }

  /** @internal */
  onQuestion(question: NativeQuestion): void {
    this.#listener.onQuestion(question);
  }

  #statuses(details: Details): Status[] {
    const server = details.url?.replace(/^\w+:\/\//, "");
    switch (details.event) {
      case "connected":
        this.#server = server;
        return [{ type: "connect", server }];
      case "disconnected": {
        const error = errorOf(details.code, details.error);
        const disconnect: Status = { type: "disconnect", server: this.#server, error };
        const stale = error instanceof StaleConnectionError;
        return stale ? [{ type: "staleConnection" }, disconnect] : [disconnect];
      }
      case "reconnecting":
        return [{ type: "reconnecting", server, attempt: details.attempt }];
      case "reconnected":
        this.#server = server;
        return [{ type: "reconnect", server }];
      case "closed":
        return [{ type: "close" }];
      case "slow_consumer": {
        const sub = this.#listener.subscriptionOf(details.sid);
        return sub ? [{ type: "slowConsumer", sub, pending: sub.getPending() }] : [];
      }
      case "consumer": {
        const { consumer, what, code } = details;
        const why = code === undefined ? {} : { error: errorOf(code, details.error) };
        return [{ type: "consumer", consumer, what, ...why }];
      }
      case "server_error":
        return [{ type: "error", error: errorOf(details.code, details.error) }];
      case "migrated":
        this.#server = server;
        return [{ type: "migrated", server }];
      case "lame_duck":
        return [{ type: "ldm", server: this.#server }];
      case "discovered_servers":
        return [{ type: "update", added: details.urls, deleted: [] }];
      case "draining":
        return [{ type: "draining" }];
      case "malformed_message": {
        const text = `a message on "${details.subject}" could not be decoded`;
        return [{ type: "error", error: new MalformedMessageError(text) }];
      }
      default:
        return [];
    }
  }
}
