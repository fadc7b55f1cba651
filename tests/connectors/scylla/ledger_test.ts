/**
 * Shared budgets in a real Cassandra.
 *
 * @module
 */
import { openScyllaLedger } from "../../../connectors/scylla/ledger.ts";
import { systemClock } from "../../../runtime/run/clock.ts";
import { ledgerContract } from "../../contracts/ledger_contract.ts";
import { cassandra, javaTest, uniqueName } from "../../services/mod.ts";
import { connect } from "./hot.ts";

const clock = systemClock;

/** Accounts keep apart in the tables; creating these takes seconds. */
const keyspace = uniqueName("ledger");

ledgerContract({
  name: "Scylla",
  test: javaTest,
  async arrange() {
    const client = await connect({ hosts: [await cassandra()], keyspace });
    return {
      account: uniqueName("account"),
      open: () => Promise.resolve(openScyllaLedger(client, { clock })),
      now: () => clock.now(),
      // A time to live counts whole seconds.
      pass: () => clock.sleep(4500),
      short: 3000,
      long: 9000,
      [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
    };
  },
});
