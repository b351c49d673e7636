/** What happens to a connection, as `status()` tells it. */

import type { Subscription } from "./types";

/** Connected for the first time, after `connect()` had returned. */
export interface ConnectStatus {
  type: "connect";
  server: string;
}
/** The socket was lost. */
export interface DisconnectStatus {
  type: "disconnect";
  server: string;
  /** Why. */
  error: Error;
}
/** A server is about to be tried. */
export interface ReconnectingStatus {
  type: "reconnecting";
  server: string;
  /** Attempts since the socket was lost, from 1. */
  attempt: number;
}
/** Connected again; the subscriptions are there again. */
export interface ReconnectStatus {
  type: "reconnect";
  server: string;
}
/** The cluster told of servers. */
export interface ClusterUpdateStatus {
  type: "update";
  added: string[];
  deleted: string[];
}
/** The server is about to shut down. */
export interface LDMStatus {
  type: "ldm";
  server: string;
}
/** Moved from a server that is about to shut down to this one; nothing was lost. */
export interface MigratedStatus {
  type: "migrated";
  server: string;
}
/** The server reported an error, a message could not be decoded, or a callback has thrown. */
export interface ServerErrorStatus {
  type: "error";
  error: Error;
}
/** The server has stopped answering; "disconnect" follows. */
export interface StaleConnectionStatus {
  type: "staleConnection";
}
/** `reconnect()` was called; "disconnect" follows. */
export interface ForceReconnectStatus {
  type: "forceReconnect";
}
/** A subscription has reached its pending limits; once for each time it falls behind. */
export interface SlowConsumerStatus {
  type: "slowConsumer";
  sub: Subscription;
  pending: number;
}
/** Messages that are taken of a consumer without end were interrupted, and go on. */
export interface ConsumerStatus {
  type: "consumer";
  /** Stream and consumer, with a dot between. */
  consumer: string;
  /**
   * The server was not heard in time, has refused a request, the socket was lost, or ordered messages
   * come by a new consumer.
   */
  what: "heartbeat_missed" | "refused" | "disconnected" | "reset";
  /** Why, where it is known. */
  error?: Error;
}
/** A drain of the connection has begun. */
export interface DrainingStatus {
  type: "draining";
}
/** Closed for good, the last status. */
export interface CloseStatus {
  type: "close";
}

/** One event of a connection. */
export type Status =
  | ConnectStatus
  | DisconnectStatus
  | ReconnectingStatus
  | ReconnectStatus
  | ClusterUpdateStatus
  | LDMStatus
  | MigratedStatus
  | ServerErrorStatus
  | StaleConnectionStatus
  | ForceReconnectStatus
  | SlowConsumerStatus
  | ConsumerStatus
  | DrainingStatus
  | CloseStatus;

/** How many events wait for an iterator; beyond that the oldest go. */
const MOST = 1024;

/** The events for one caller of `status()`. */
export class StatusIterator implements AsyncIterableIterator<Status> {
  #events: Status[] = [];
  #waiting: ((result: IteratorResult<Status>) => void)[] = [];
  #done = false;
  #left: (iterator: StatusIterator) => void;

  constructor(left: (iterator: StatusIterator) => void) {
    this.#left = left;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Status>> {
    const value = this.#events.shift();
    if (value !== undefined) {
      return Promise.resolve({ done: false, value });
    }
    if (this.#done) {
      return Promise.resolve({ done: true, value: undefined });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<Status>> {
    this.#events = [];
    this.stop();
    this.#left(this);
    return Promise.resolve({ done: true, value: undefined });
  }

  /** @internal */
  push(value: Status): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting({ done: false, value });
      return;
    }
    if (this.#events.length >= MOST) {
      this.#events.shift();
    }
    this.#events.push(value);
  }

  /** @internal No more will come. */
  stop(): void {
    this.#done = true;
    for (const resolve of this.#waiting.splice(0)) {
      resolve({ done: true, value: undefined });
    }
  }
}
