// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// An ERC-721 collection that anybody may mint from, numbered from 1.
contract Collectible is ERC721 {
    uint256 public count;

    constructor() ERC721("Devnet Collectible", "DCOL") {}

    function mint(address to) external returns (uint256 id) {
        id = ++count;
        _mint(to, id);
    }
}
