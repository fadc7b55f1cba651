/**
 * Opens a decode transform.
 *
 * @module
 */
import {
  type OpenTransform,
  type TransformContext,
  UserError,
} from "../../../runtime/component.ts";
import { AbiIndex } from "../abi/abi_index.ts";
import { readAbiFolder } from "../abi/field.ts";
import type { AbiLookup } from "../lookup/client.ts";
import { AbiStore } from "../lookup/store.ts";
import type { EvmClient } from "../rpc/client.ts";
import { type DecodeConfig, readSignatures } from "./decode.ts";
import { Finder } from "./finder.ts";
import { Proxies } from "./proxies.ts";
import { RowDecoder } from "./rows.ts";
import type { SignatureDatabase } from "./signatures.ts";

/** Open a transform: with its look-ups, or with what the spec has alone. */
export function openDecode(
  config: DecodeConfig,
  context: TransformContext,
): OpenTransform {
  const { connections, folder, input } = context;
  const signatures = readSignatures(config.signatures, folder);
  const index = indexOf(config, { folder, signatures });
  const decoder = new RowDecoder({ input, index, signatures });
  const lookup = connections["lookup"] as AbiLookup | undefined;
  const client = connections["proxies"] as EvmClient | undefined;
  if (!lookup?.hasServices && !client) {
    return { apply: (rows, emit) => decoder.decode(rows, emit) };
  }
  const { clock, log, name, pipeline, signal } = context;
  checkChains(lookup, client);
  const store = new AbiStore();
  const finder = new Finder({
    stage: `${pipeline}/${name}`,
    index,
    signatures,
    store,
    lookup,
    proxies: client && new Proxies(client, log),
    wait: config.wait,
    clock,
    log,
    signal,
  });
  return {
    apply: (rows, emit, unit) => finder.decode(rows, emit, unit, decoder),
    outdated: (range) => finder.outdated(range),
    async [Symbol.asyncDispose]() {
      await finder.close();
      store[Symbol.dispose]();
    },
  };
}

/** At the same address of another chain there is another contract. */
function checkChains(
  lookup: AbiLookup | undefined,
  client: EvmClient | undefined,
): void {
  if (client?.chainId === undefined || !lookup) return;
  if (client.chainId === lookup.chainId) return;
  throw new UserError(
    `Look-ups are for chain ${lookup.chainId} and proxies are read on chain ` +
      `${client.chainId}; set chain_id of the abi_lookup connection`,
  );
}

/** ABIs by address; those of the folder without one are signatures. */
function indexOf(
  { abis }: DecodeConfig,
  { folder, signatures }: {
    readonly folder: string;
    readonly signatures: SignatureDatabase;
  },
): AbiIndex {
  const index = new AbiIndex();
  for (const { address, file, signatures } of abis) {
    for (const abi of [...(file ? [file] : []), ...(signatures ?? [])]) {
      if (!address) index.add(abi);
      for (const one of address ?? []) index.add(abi, one);
    }
  }
  for (const { abi, address } of readAbiFolder(folder)) {
    if (address === undefined) signatures.addAbi(abi);
    else index.add(abi, address);
  }
  return index;
}
