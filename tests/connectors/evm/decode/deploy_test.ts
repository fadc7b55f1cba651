import assert from "node:assert/strict";
import { getContractAddress } from "viem";
import { deployedAddress } from "../../../../connectors/evm/decode/deploy.ts";

const sender = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";

Deno.test("deployedAddress() is what viem makes of any nonce", () => {
  const edges = [0x0, 0x1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 2 ** 40];
  for (const nonce of [...edges, 2n ** 64n - 2n]) {
    assert.equal(
      deployedAddress({ from_address: sender, nonce }),
      getContractAddress({ from: sender, nonce: BigInt(nonce) }).toLowerCase(),
      `nonce ${nonce}`,
    );
  }
});

Deno.test("deployedAddress() believes the receipt before it computes", () => {
  const known = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
  assert.equal(
    deployedAddress({
      from_address: sender,
      nonce: 7,
      receipt_contract_address: known,
    }),
    known,
  );
  assert.equal(deployedAddress({ from_address: sender }), undefined);
});
