/**
 * Sign drafts for the accounts of the local chain, counting their nonces.
 *
 * @module
 */
import {
  type AccessList,
  type Hex,
  type SignedAuthorization,
  toHex,
  type TransactionSerializable,
} from "viem";
import {
  mnemonicToAccount,
  type PrivateKeyAccount,
  privateKeyToAccount,
} from "viem/accounts";
import { CHAIN_ID } from "./addresses.ts";
import { ACCOUNTS, MNEMONIC } from "./anvil.ts";
import type { Delegation, Draft, Envelope } from "./draft.ts";

/** What a sender pays and lists; the scenario chooses it. */
export interface Terms {
  readonly envelope: Envelope;
  /** Wei for each unit of gas: what goes to the block's beneficiary. */
  readonly tip: bigint;
  readonly accessList: AccessList;
}

const GWEI = 10n ** 9n;

// Far above the base fee, which the scenario keeps under 5 gwei.
const FEE_CAP = 100n * GWEI;
const LEGACY_PRICE = 10n * GWEI;
const BLOB_FEE_CAP = 10n * GWEI;

// The dearest ordinary call is an addLiquidity that makes its pair.
const USUAL_GAS = 500_000n;

/** The accounts, as the node's mnemonic gives them. */
export const accounts: readonly PrivateKeyAccount[] = derive();

/** Signs for all accounts, and knows the next nonce of each. */
export class Signer {
  readonly #nonces = new Map<number, number>();

  /** Sign a draft with its sender's next nonce. */
  async sign(draft: Draft, terms: Terms): Promise<Hex> {
    const nonce = this.#next(draft.from);
    const authorizationList = await Promise.all(
      (draft.delegations ?? []).map((each) => this.#authorize(each)),
    );
    const common = {
      nonce,
      to: draft.to,
      data: draft.data ?? "0x",
      value: draft.value ?? 0n,
      gas: draft.gas ?? USUAL_GAS,
    } as const;
    return await account(draft.from).signTransaction(
      wrap(common, { ...terms, authorizationList, blobs: draft.blobs ?? [] }),
    );
  }

  #next(sender: number): number {
    const nonce = this.#nonces.get(sender) ?? 0;
    this.#nonces.set(sender, nonce + 1);
    return nonce;
  }

  /** An authorization takes a nonce of its own, after the sender's. */
  #authorize(
    { authority, to, stale = false }: Delegation,
  ): Promise<SignedAuthorization> {
    const nonce = stale ? 1_000_000 : this.#next(authority);
    return account(authority).signAuthorization({
      address: to,
      chainId: CHAIN_ID,
      nonce,
    });
  }
}

interface Common {
  readonly nonce: number;
  readonly to: Draft["to"];
  readonly data: Hex;
  readonly value: bigint;
  readonly gas: bigint;
}

interface Wrapping extends Terms {
  readonly authorizationList: readonly SignedAuthorization[];
  readonly blobs: readonly Hex[];
}

function wrap(
  common: Common,
  { envelope, tip, accessList, authorizationList, blobs }: Wrapping,
): TransactionSerializable {
  const gasPrice = LEGACY_PRICE + tip;
  const chainId = CHAIN_ID;
  const fees = { maxPriorityFeePerGas: tip, maxFeePerGas: FEE_CAP };
  switch (envelope) {
    case "unprotected":
      return { ...common, type: "legacy", gasPrice };
    case "legacy":
      return { ...common, type: "legacy", gasPrice, chainId };
    case "access list":
      return { ...common, type: "eip2930", gasPrice, chainId, accessList };
    case "dynamic fee":
      return { ...common, type: "eip1559", ...fees, chainId, accessList };
    case "delegation":
      return {
        ...common,
        type: "eip7702",
        ...fees,
        chainId,
        authorizationList,
      };
    case "blob": {
      if (common.to === null) {
        throw new TypeError("A blob transaction cannot create (EIP-4844)");
      }
      return {
        ...common,
        to: common.to,
        type: "eip4844",
        ...fees,
        chainId,
        accessList,
        maxFeePerBlobGas: BLOB_FEE_CAP,
        blobVersionedHashes: [...blobs],
      };
    }
  }
}

function account(number: number): PrivateKeyAccount {
  const found = accounts[number];
  if (!found) throw new RangeError(`There is no account ${number}`);
  return found;
}

function derive(): PrivateKeyAccount[] {
  // The seed takes 2,048 rounds of HMAC: once, not for each account.
  const parent = mnemonicToAccount(MNEMONIC, { path: "m/44'/60'/0'/0" })
    .getHdKey();
  return Array.from({ length: ACCOUNTS }, (_, index) => {
    const { privateKey } = parent.deriveChild(index);
    if (!privateKey) throw new Error(`There is no key for account ${index}`);
    return privateKeyToAccount(toHex(privateKey));
  });
}
