/**
 * What was found of the contracts of one unit, and what was not.
 *
 * @module
 */
import type { Row } from "../../../runtime/component.ts";
import type { Decoders } from "../abi/abi_index.ts";
import type { Findings, FoundAbi } from "./rows.ts";
import type { ContractHistory, Target, Upgrade } from "./proxies.ts";
import type { SignatureDatabase } from "./signatures.ts";

/** Marks a contract whose code or storage nobody told of in time. */
export const UNREAD = "?";

/** A contract whose ABI decodes calls to an address. */
export interface Contract {
  readonly address: string;
  /** Whether it stands behind the address, as the implementation of a proxy. */
  readonly implementation: boolean;
  /** The only functions that are forwarded to it; undefined: all. */
  readonly selectors: readonly string[] | undefined;
  /** In which part of the block, where there is an upgrade in it. */
  readonly part: "all" | "before" | "after";
}

/** The contracts of an address, and the upgrade that divides its block. */
export interface Resolved {
  readonly contracts: readonly Contract[];
  readonly upgrade?: Upgrade;
}

/** What is kept of a unit. */
export interface UnitFindings {
  /** Contracts with an ABI, by the address that was called or that logged. */
  readonly resolved: Readonly<Record<string, Resolved>>;
  /** Hashes that nobody knew a signature of. */
  readonly hidden: readonly string[];
  /** Selectors that were in the code, behind their address. */
  readonly inCode: readonly string[];
}

/** What a unit is looked at with. */
export interface SeenUnitOptions {
  /** What it was decoded with before. */
  readonly saved: UnitFindings | undefined;
  /** Addresses and hashes that count as unknown. */
  readonly lacking: ReadonlySet<string> | undefined;
  readonly signatures: SignatureDatabase;
  /** Whether somebody can be asked for signatures. */
  readonly asksSignatures: boolean;
  abiOf(address: string): Decoders | undefined;
}

/** One unit; see the module. */
export class SeenUnit implements Findings {
  readonly #options: SeenUnitOptions;
  readonly #resolved = new Map<string, Resolved>();
  readonly #code = new Map<string, ReadonlySet<string>>();
  readonly #asked = new Set<string>();
  #wanted = new Set<string>();
  #used = new Map<string, Resolved>();
  #hidden = new Set<string>();
  #inCode = new Set<string>();
  #lacks = new Set<string>();

  constructor(options: SeenUnitOptions) {
    this.#options = options;
    const { saved } = options;
    for (const [address, one] of Object.entries(saved?.resolved ?? {})) {
      this.#resolved.set(address, one);
    }
  }

  /** Forget what the last pass over the rows has used. */
  begin(): void {
    this.#wanted = new Set();
    this.#used = new Map();
    this.#hidden = new Set();
    this.#inCode = new Set();
    this.#lacks = new Set();
  }

  /** What the last pass wanted and nobody was asked for yet. */
  wanted(): readonly string[] {
    const wanted = [...this.#wanted];
    for (const one of wanted) this.#asked.add(one);
    return wanted;
  }

  /** An address is these contracts. */
  settle(address: string, history: ContractHistory | undefined): Resolved {
    const resolved = history
      ? resolve(address, history)
      : { contracts: [itself(address)] };
    this.#resolved.set(address, resolved);
    if (history) this.#code.set(address, history.after.selectors);
    return resolved;
  }

  abis(address: string, row: Row): readonly FoundAbi[] {
    const { lacking, saved } = this.#options;
    if (lacking?.has(UNREAD + address)) return [];
    const resolved = this.#resolved.get(address);
    if (!resolved) {
      if (!saved && !this.#asked.has(address)) this.#wanted.add(address);
      return [];
    }
    const found: FoundAbi[] = [];
    const used: Contract[] = [];
    for (const contract of resolved.contracts) {
      const decoders = this.#abiOf(contract.address);
      if (!decoders) continue;
      used.push(contract);
      if (!isHere(contract, resolved.upgrade, row)) continue;
      const { address, implementation, selectors } = contract;
      found.push({
        decoders,
        implementation: implementation ? address : null,
        selectors: selectors && new Set(selectors),
      });
    }
    this.#used.set(address, { ...resolved, contracts: used });
    return found;
  }

  isInCode(address: string, selector: string): boolean {
    const key = `${address} ${selector}`;
    const { saved } = this.#options;
    const known = saved
      ? saved.inCode.includes(key)
      : this.#code.get(address)?.has(selector) ?? false;
    if (known) this.#inCode.add(key);
    return known;
  }

  isHidden(hash: string): boolean {
    const { asksSignatures, lacking, saved, signatures } = this.#options;
    if (lacking?.has(hash) || saved?.hidden.includes(hash)) return true;
    if (saved || signatures.has(hash)) return false;
    this.#hidden.add(hash);
    if (asksSignatures && !this.#asked.has(hash)) this.#wanted.add(hash);
    return false;
  }

  lack(address: string, hash: string | undefined): void {
    if (hash !== undefined) this.#lacks.add(hash);
    const resolved = this.#resolved.get(address);
    if (!resolved) {
      if (this.#asked.has(address)) this.#lacks.add(UNREAD + address);
      return;
    }
    for (const { address } of resolved.contracts) {
      if (!this.#abiOf(address)) this.#lacks.add(address);
    }
  }

  /** What the last pass used, and what it lacked. */
  findings(): UnitFindings & { readonly lacks: readonly string[] } {
    return {
      resolved: Object.fromEntries(this.#used),
      hidden: [...this.#hidden],
      inCode: [...this.#inCode],
      lacks: [...this.#lacks],
    };
  }

  #abiOf(address: string): Decoders | undefined {
    const { abiOf, lacking } = this.#options;
    return lacking?.has(address) ? undefined : abiOf(address);
  }
}

function itself(address: string): Contract {
  return {
    address,
    implementation: false,
    selectors: undefined,
    part: "all",
  };
}

/** The implementations of a contract first, then the contract itself. */
function resolve(
  address: string,
  { after, before, upgrade }: ContractHistory,
): Resolved {
  const contract = (part: Contract["part"]) => (target: Target): Contract => ({
    address: target.address,
    implementation: true,
    selectors: target.selectors && [...target.selectors],
    part,
  });
  const behind = before
    ? [
      ...before.targets.map(contract("before")),
      ...after.targets.map(contract("after")),
    ]
    : after.targets.map(contract("all"));
  const own = after.hasCode ? [itself(address)] : [];
  return {
    contracts: [...behind, ...own],
    ...(before && upgrade ? { upgrade } : {}),
  };
}

/** Whether a row stands in the part of the block that a contract serves. */
function isHere(
  { part }: Contract,
  upgrade: Upgrade | undefined,
  row: Row,
): boolean {
  if (part === "all" || !upgrade) return true;
  const { log_index: log, transaction_index: transaction } = row;
  // The call that upgrades is one to the contract that was there before.
  const before = log === undefined
    ? Number(transaction) <= upgrade.transactionIndex
    : Number(log) < upgrade.logIndex;
  return before === (part === "before");
}
