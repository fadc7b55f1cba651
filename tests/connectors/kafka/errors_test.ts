import assert from "node:assert/strict";
import { isFenced, kafkaError } from "../../../connectors/kafka/errors.ts";
import { RetryableError, UserError } from "../../../runtime/component.ts";
import { connect } from "./bus.ts";

const context = {
  action: 'write to topic "rows"',
  brokers: ["one:9092"],
  connection: "bus",
};

/** An error as kafkajs wraps it. */
function wrapped(root: Record<string, unknown>, message = "No"): Error {
  const cause = Object.assign(new Error(message), root);
  return Object.assign(new Error("Retries exceeded", { cause }), {
    name: "KafkaJSNumberOfRetriesExceeded",
  });
}

function messageOf(
  error: unknown,
  type: typeof UserError | typeof RetryableError,
): string {
  const typed = kafkaError(error, context);
  assert(typed instanceof type, String(typed));
  return typed.message;
}

Deno.test("kafkaError() leaves to the user what only the user can mend", () => {
  const type = "TOPIC_AUTHORIZATION_FAILED";
  assert.equal(
    messageOf(wrapped({ type, name: "KafkaJSProtocolError" }), UserError),
    `Kafka "bus" cannot write to topic "rows": No (${type}); grant the user ` +
      "Describe, Create, Read and Write on the topic",
  );
  assert.match(
    messageOf(
      wrapped(
        { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" },
        "unable to verify the first certificate",
      ),
      UserError,
    ),
    /no TLS with one:9092: .*; check "tls" of the connection/,
  );
});

Deno.test("kafkaError() lets the runtime try again what passes", () => {
  assert.match(
    messageOf(wrapped({ type: "KAFKA_STORAGE_ERROR" }), RetryableError),
    /KAFKA_STORAGE_ERROR\); the disk of a broker is full or failing: free it$/,
  );
  assert.match(
    messageOf(wrapped({ type: "SOMETHING_NEW" }), RetryableError),
    /\(SOMETHING_NEW\)$/,
  );
  assert.match(
    messageOf(
      wrapped({ name: "KafkaJSConnectionError", code: "ENOTFOUND" }),
      RetryableError,
    ),
    /the name of one:9092 does not resolve; check "brokers"/,
  );
});

Deno.test("kafkaError() leaves other errors alone", () => {
  for (const error of [new TypeError("A mistake"), new UserError("Known")]) {
    assert.equal(kafkaError(error, context), error);
  }
});

Deno.test("isFenced() looks behind what kafkajs wraps", () => {
  assert(isFenced(wrapped({ type: "INVALID_PRODUCER_EPOCH" })));
  assert(!isFenced(wrapped({ type: "NOT_LEADER_FOR_PARTITION" })));
});

Deno.test("kafka says that no broker is there, or none of that name", async () => {
  await using refused = await connect("127.0.0.1:1");
  await assert.rejects(
    refused.health(),
    (error) =>
      error instanceof RetryableError &&
      /cannot reach the brokers: .*ECONNREFUSED/.test(error.message),
  );
  await using unknown = await connect("no-such-host.invalid:9092");
  await assert.rejects(
    unknown.health(),
    (error) =>
      error instanceof RetryableError &&
      /no-such-host.invalid:9092 does not resolve/.test(error.message),
  );
});
