// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// A contract that cannot be created.
contract Refusal {
    constructor(string memory reason) payable {
        revert(reason);
    }
}
