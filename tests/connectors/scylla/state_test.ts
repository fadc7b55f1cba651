/**
 * Pipelines' state in a real Cassandra.
 *
 * @module
 */
import type { ScyllaClient } from "../../../connectors/scylla/client.ts";
import { openScyllaState } from "../../../connectors/scylla/state.ts";
import { systemClock } from "../../../runtime/run/clock.ts";
import { stateContract } from "../../contracts/state_contract.ts";
import { cassandra, javaTest, uniqueName } from "../../services/mod.ts";
import { until } from "../../fixtures/until.ts";
import { connect } from "./hot.ts";

/** Pipelines keep apart in the tables; creating these takes seconds. */
const keyspace = uniqueName("state");

/** Whole seconds, as short as the margin allows. */
const leaseSeconds = 4;

function open(
  client: ScyllaClient,
  pipeline: string,
  { readOnly = false }: { readonly readOnly?: boolean } = {},
) {
  const clock = systemClock;
  return openScyllaState(client, { pipeline, clock, readOnly, leaseSeconds });
}

stateContract({
  name: "Scylla",
  journals: 20,
  test: javaTest,
  async arrange() {
    const client = await connect({ hosts: [await cassandra()], keyspace });
    const pipeline = uniqueName("pipeline");
    return {
      open: (options) => open(client, pipeline, options),
      async takeOver(next) {
        await until(
          async () => await next.acquire() === undefined,
          "the lease is free",
        );
      },
      async pass(store) {
        const before = store.lasts();
        await until(() => store.lasts() < before - 1000, "a second");
      },
      lapse: (store) => until(() => store.lasts() <= 0, "the lease is over"),
      [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
    };
  },
});
