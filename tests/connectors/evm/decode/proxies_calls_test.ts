/** What following proxies costs, and what happens where no node has state. */
import assert from "node:assert/strict";
import { encodeAbiParameters } from "viem";
import { RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import {
  type ContractState,
  Proxies,
} from "../../../../connectors/evm/decode/proxies.ts";
import type { Call } from "../../../../connectors/evm/rpc/rpc.ts";
import type { FakeClock } from "../../../fixtures/fake_clock.ts";
import { ScriptedClient } from "../rpc/scripted_client.ts";

const address = (n: number) => `0x${n.toString(16).padStart(40, "0")}`;
const slot = "360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";
const upgraded =
  "0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b";
const proxy = address(1);
const plain = address(2);
const account = address(3);

/** A chain whose proxy is upgraded in block 20 and from block 30 gone. */
function script({ method, params }: Call): unknown {
  const [first] = params as [{ blockHash: string }];
  const number = Number(params.at(-1));
  switch (method) {
    case "eth_getLogs":
      return first.blockHash === "0x20"
        ? [{
          address: proxy,
          topics: [upgraded],
          transactionIndex: "0x1",
          logIndex: "0x5",
        }]
        : [];
    case "eth_getCode":
      if (number >= 30) {
        return new RpcError("missing", "missing trie node", { certain: true });
      }
      if (String(first) === proxy) return `0x6080${slot}54`;
      return String(first) === plain ? "0x608060405263a9059cbb14" : "0x";
    case "eth_getStorageAt":
      return `0x${address(number < 20 ? 10 : 11).slice(2).padStart(64, "0")}`;
    default:
      return assert.fail(method);
  }
}

function open() {
  const scripted = new ScriptedClient({ a: script });
  const proxies = new Proxies(scripted.client, scripted.log);
  const { signal } = new AbortController();
  const at = (address: string, number: number) =>
    scripted.settle(
      proxies.history(address, { number, id: `0x${number}` }, signal),
    );
  const count = (method: string) =>
    scripted.made.filter((one) => one.method === method).length;
  return { at, count, proxies, scripted };
}

Deno.test("Proxies reads a contract once, and again after an upgrade", async () => {
  const { at, count } = open();
  const targets = async (number: number) => {
    const history = await at(proxy, number);
    const of = (state: ContractState | undefined) =>
      state?.targets.map(({ address }) => address);
    return [of(history?.before), of(history?.after)];
  };
  for (let number = 10; number < 20; number++) {
    assert.deepEqual(await targets(number), [undefined, [address(10)]]);
  }
  assert.equal(count("eth_getCode"), 1);
  assert.equal(count("eth_getStorageAt"), 1);
  assert.equal(count("eth_getLogs"), 10);
  assert.deepEqual(await targets(20), [[address(10)], [address(11)]]);
  for (let number = 21; number < 30; number++) {
    assert.deepEqual(await targets(number), [undefined, [address(11)]]);
  }
  assert.equal(count("eth_getCode"), 2);
  assert.equal(count("eth_getLogs"), 20);
});

Deno.test("Proxies notices an upgrade in a block where nobody asks for it", async () => {
  const { at, count, proxies, scripted } = open();
  await at(proxy, 19);
  const { signal } = new AbortController();
  proxies.see({ number: 20, id: "0x20" }, signal);
  const history = await at(proxy, 21);
  assert.deepEqual(history?.after.targets.map(({ address }) => address), [
    address(11),
  ]);
  // A gap: whatever was in it is not known.
  await at(plain, 21);
  await at(plain, 22);
  assert.equal(count("eth_getCode"), 3);
  await at(plain, 25);
  assert.equal(count("eth_getCode"), 4);
  assert.equal(scripted.lines.length, 0);
});

Deno.test("Proxies reads an account without code in every block", async () => {
  const { at, count } = open();
  for (let number = 10; number < 15; number++) {
    const history = await at(account, number);
    assert.equal(history?.after.hasCode, false);
  }
  assert.equal(count("eth_getCode"), 5);
});

Deno.test("Proxies says once that no node has the state", async () => {
  const { at, scripted } = open();
  for (let number = 30; number < 33; number++) {
    assert.equal(await at(plain, number), undefined);
  }
  assert.deepEqual(
    scripted.lines.map(({ message }) => message),
    ["Cannot read where proxies forward to"],
  );
});

Deno.test("Proxies follows every kind of forwarding", async () => {
  const target = address(10);
  const beacon = address(20);
  const bare = target.slice(2);
  const word = (one: string) => `0x${one.slice(2).padStart(64, "0")}`;
  const slots = {
    logic: slot,
    beacon: "a3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50",
    proxiable:
      "c5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7",
    zeppelin:
      "7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3",
    safe: "0".repeat(64),
  };
  const diamond =
    "c8fcad8db84d3cc18b4c41d551ea0ee66dd599cde068d998e57d5e09332c131c";
  const kinds: Record<string, { code: string; slot?: string }> = {
    logic: { code: `6080${slots.logic}54`, slot: slots.logic },
    beacon: { code: `6080${slots.beacon}54`, slot: slots.beacon },
    proxiable: { code: `6080${slots.proxiable}54`, slot: slots.proxiable },
    zeppelin: { code: `6080${slots.zeppelin}54`, slot: slots.zeppelin },
    safe: { code: `73${"f".repeat(40)}60005416`, slot: slots.safe },
    minimal: { code: `363d3d373d3d3d363d73${bare}5af43d82803e903d91602b57fd` },
    delegation: { code: `ef0100${bare}` },
    diamond: { code: `6080${diamond}54` },
  };
  const facets = encodeAbiParameters(
    [{
      type: "tuple[]",
      components: [{ type: "address" }, { type: "bytes4[]" }],
    }],
    [[[target, ["0xa9059cbb"]]]] as never,
  );
  for (const [kind, { code, slot: own }] of Object.entries(kinds)) {
    const { client, ...scripted } = new ScriptedClient({
      a: ({ method, params }) => {
        if (method === "eth_getLogs") return [];
        if (method === "eth_getCode") return `0x${code}`;
        if (method === "eth_call") {
          const [{ to }] = params as [{ to: string }];
          return to === beacon ? word(target) : facets;
        }
        const there = params[1] === `0x${own}`;
        const value = kind === "beacon" ? beacon : target;
        return word(there ? value : "0x0");
      },
    });
    const proxies = new Proxies(client, scripted.log);
    const { signal } = new AbortController();
    const history = await settled(
      scripted.clock,
      proxies.history(proxy, { number: 5, id: "0x05" }, signal),
    );
    const { targets, unsteady, watched } = history!.after;
    assert.deepEqual(targets.map(({ address }) => address), [target], kind);
    assert.deepEqual(
      targets[0]?.selectors,
      kind === "diamond" ? new Set(["0xa9059cbb"]) : undefined,
    );
    const changing = kind === "delegation" || kind === "proxiable";
    assert.equal(unsteady, changing, kind);
    assert.deepEqual(watched, kind === "beacon" ? [proxy, beacon] : [proxy]);
  }
});

/** Move the clock on until work is done. */
async function settled<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  let done = false;
  const watched = work.finally(() => done = true);
  while (!done) await clock.advance(10);
  return await watched;
}
