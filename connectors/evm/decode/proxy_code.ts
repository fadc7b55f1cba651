/**
 * Tell from a contract's code where it forwards calls to.
 *
 * @module
 */

/** How a contract forwards calls. */
export type Forwarding =
  /** To an address in its code: EIP-1167, clones with arguments, EIP-7702. */
  | { readonly kind: "code"; readonly target: string; readonly fixed: boolean }
  /** To an address in its storage. */
  | { readonly kind: "slot"; readonly slot: string; readonly events: boolean }
  /** To what a beacon says, whose address is in its storage. */
  | { readonly kind: "beacon"; readonly slot: string }
  /** Function by function (EIP-2535). */
  | { readonly kind: "facets" };

// EIP-7702: the code of an account that has delegated.
const DELEGATION = /^0xef0100([0-9a-f]{40})$/;

// EIP-1167 and its relatives (0age's, Solady's, Vyper's; with immutable
// arguments behind the code) push one address and delegate to it at once.
const CLONE = /^0x(?:[0-9a-f]{2}){0,40}?73([0-9a-f]{40})5af4/;

// The longest head of such a clone; what follows are arguments.
const CLONE_HEAD = 2 + 2 * 128;

// keccak256("eip1967.proxy.implementation") - 1
const IMPLEMENTATION =
  "360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";
// keccak256("eip1967.proxy.beacon") - 1
const BEACON =
  "a3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50";
// PUSH4 implementation(): what a beacon is asked. OpenZeppelin's proxies keep
// its address in their code too, and then do not read the slot themselves.
const ASK_BEACON = "635c60da1b";
// EIP-1822: keccak256("PROXIABLE")
const PROXIABLE =
  "c5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7";
// OpenZeppelin before EIP-1967: keccak256("org.zeppelinos.proxy.implementation")
const ZEPPELIN =
  "7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3";
// EIP-2535: keccak256("diamond.standard.diamond.storage")
const DIAMOND =
  "c8fcad8db84d3cc18b4c41d551ea0ee66dd599cde068d998e57d5e09332c131c";

// Safe's proxies read the singleton from slot 0 through a mask.
const SAFE = /73f{40}600054/;

const ZERO_SLOT = "0".repeat(64);

/** A contract with more code than that is no proxy of Safe's. */
const SAFE_BYTES = 512;

/** How a contract may forward calls; what is not in its code it cannot read. */
export function forwardingsOf(code: string): readonly Forwarding[] {
  const delegate = DELEGATION.exec(code)?.[1];
  if (delegate !== undefined) {
    return [{ kind: "code", target: `0x${delegate}`, fixed: false }];
  }
  const clone = CLONE.exec(code.slice(0, CLONE_HEAD))?.[1];
  if (clone !== undefined) {
    return [{ kind: "code", target: `0x${clone}`, fixed: true }];
  }
  const found: Forwarding[] = [];
  const slot = (slot: string, events: boolean) => {
    found.push({ kind: "slot", slot: `0x${slot}`, events });
  };
  if (code.includes(IMPLEMENTATION)) slot(IMPLEMENTATION, true);
  if (code.includes(BEACON) || code.includes(ASK_BEACON)) {
    found.push({ kind: "beacon", slot: `0x${BEACON}` });
  }
  if (code.includes(PROXIABLE)) slot(PROXIABLE, false);
  if (code.includes(ZEPPELIN)) slot(ZEPPELIN, true);
  if (code.includes(DIAMOND)) found.push({ kind: "facets" });
  if (code.length < 2 * SAFE_BYTES && SAFE.test(code)) slot(ZERO_SLOT, true);
  return found;
}

/** The selectors that a contract's code compares with. */
export function selectorsIn(code: string): ReadonlySet<string> {
  const found = new Set<string>();
  // Walk by instruction: what PUSHes carry is data, not code.
  for (let at = 2; at < code.length; at += 2) {
    const op = parseInt(code.slice(at, at + 2), 16);
    const pushed = op >= 0x60 && op <= 0x7f ? op - 0x5f : 0;
    // PUSH4, and PUSH3 where the first byte is zero, in front of EQ or GT.
    if (pushed === 4 || pushed === 3) {
      const digits = code.slice(at + 2, at + 2 + 2 * pushed);
      const next = code.slice(at + 2 + 2 * pushed, at + 8 + 2 * pushed);
      if (/^(?:8[0-9a-f])?(?:14|11)/.test(next)) {
        found.add(`0x${digits.padStart(8, "0")}`);
      }
    }
    at += 2 * pushed;
  }
  return found;
}

/** Events that say that a proxy forwards to another place from now on. */
export const upgradeTopics: readonly string[] = [
  // Upgraded(address)
  "0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b",
  // BeaconUpgraded(address)
  "0x1cf3b03a6cf19fa2baba4df148e9dcabedea7f8a5c07840e207e5c089be95d3e",
  // DiamondCut((address,uint8,bytes4[])[],address,bytes)
  "0x8faa70878671ccd212d20771b795c50af8fd3ff6cf27f4bde57e5d4de0aeb673",
  // ChangedMasterCopy(address), of Safe
  "0x75e41bc35ff1bf14d81d1d2f649c0084a0f974f9289c803ec9898eeec4c8d0b8",
];
