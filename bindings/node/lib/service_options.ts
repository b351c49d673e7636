/** Options of services, made into documents of the core. */

import { callable, members } from "./check";
import { InvalidOptionError } from "./errors";
import { named } from "./kv_options";
import { convert, type Document } from "./options";
import { ASK, ENDPOINT, SERVICE } from "./options_gen";
import type { EndpointOptions, ServiceClientOptions, ServiceConfig } from "./service_types";

const CONFIG = ["name", "version", "description", "metadata", "queue", "statsHandler"];
const ENDPOINT_OWN = ["subject", "handler", "metadata", "queue"];
const LIMITS = ["pendingMessages", "pendingBytes", "overflow"];
/** What errors call a queue group. */
const QUEUE = { queueGroup: "queue", queue_group: "queue" };

/** The document of a service. */
export function serviceDocument(config: ServiceConfig): Document {
  members("config", config ?? null, CONFIG);
  const { queue, statsHandler, ...others } = config;
  callable("statsHandler", statsHandler);
  const ownStats = statsHandler === undefined ? undefined : true;
  return named(QUEUE, () => convert(SERVICE, [], { ...others, ...queued(queue), ownStats }));
}

/** The document of an endpoint in a group. */
export function endpointDocument(
  name: string,
  group: string,
  groupQueue: string | undefined,
  options: EndpointOptions,
): Document {
  members("opts", options, [...ENDPOINT_OWN, ...LIMITS]);
  const { handler, queue, ...others } = options;
  callable("handler", handler);
  const said = { name, group, ...others, ...queued(queue ?? groupQueue) };
  return named(QUEUE, () => convert(ENDPOINT, [], said));
}

/** The document of a question to services. */
export function askDocument(
  options: ServiceClientOptions,
  prefix: string | undefined,
  name: string | undefined,
  id: string | undefined,
): Document {
  members("opts", options, ["strategy", "maxWait", "maxMessages", "stall"]);
  const { strategy = "stall", maxWait, maxMessages, stall } = options;
  if (!["timer", "count", "stall"].includes(strategy)) {
    const known = "expected \"timer\", \"count\" or \"stall\"";
    throw new InvalidOptionError(`option 'strategy': ${known}, found ${String(strategy)}`);
  }
  return convert(ASK, [], {
    name,
    id,
    prefix,
    maxWait,
    maxMessages: maxMessages === -1 || strategy === "timer" ? undefined : maxMessages,
    // As long as the whole may take.
    stall: strategy === "stall" ? stall : (maxWait ?? 2000),
  });
}

/** Empty is none; what is not given is not said. */
function queued(queue: string | undefined): Record<string, unknown> {
  return queue === "" ? { queueGroupDisabled: true } : { queueGroup: queue };
}
