// What must not compile: every line that is wrong says so, and tsc finds nothing else.

import { connect, createUser, encodeUser, headers, type NatsConnection } from "nats-ffi";

export async function refused(nc: NatsConnection): Promise<void> {
  // @ts-expect-error the option's name is wrong
  await connect({ nmae: "x" });
  // @ts-expect-error the option's type is wrong
  await connect({ pingInterval: "1s" });
  // @ts-expect-error there is no such policy
  await connect({ outboundPolicy: "nothing" });
  // @ts-expect-error a payload is text or bytes
  nc.publish("a", 5);
  // @ts-expect-error a subject is text
  nc.subscribe(5);
  // @ts-expect-error there is no such strategy
  await nc.requestMany("a", "", { strategy: "never" });
  // @ts-expect-error values are text
  headers().append("A", 5);
  // @ts-expect-error the claim's name is wrong
  await encodeUser("joe", createUser(), "A", { publishAlow: [] });
  const js = nc.jetstream();
  // @ts-expect-error a stream has a name
  await js.streamCreate({ subjects: ["s"] });
  // @ts-expect-error there is no such storage
  await js.streamCreate({ name: "S", storage: "paper" });
  // @ts-expect-error the option's name is wrong
  await js.publish("s", "", { msgID: "x" });
  // @ts-expect-error a sequence is a number
  await js.streamGetMessage({ stream: "S", seq: "5" });
  // @ts-expect-error what is signed is bytes
  createUser().sign("text");
}
