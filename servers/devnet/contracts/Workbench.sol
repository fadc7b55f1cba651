// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";

/// What a decoder should meet at least once: `multicall(bytes[])`, nested
/// tuples, an indexed string, an anonymous event, and every way to fail.
contract Workbench is Multicall {
    struct Quote {
        address maker;
        uint256[] amounts;
        bytes note;
    }

    mapping(bytes32 key => uint256 value) public values;

    event Stored(bytes32 indexed key, address indexed author, uint256 value);
    event Labelled(address indexed subject, string indexed topic, string text);
    event Quoted(bytes32 indexed id, Quote quote, int256 spread);
    event Whispered(uint256 value) anonymous;

    error NotAllowed(address caller, uint256 code);

    function store(bytes32 key, uint256 value) external {
        values[key] = value;
        emit Stored(key, msg.sender, value);
    }

    function label(address subject, string calldata text) external {
        emit Labelled(subject, text, text);
    }

    function quote(bytes32 id, Quote calldata offer, int256 spread) external {
        emit Quoted(id, offer, spread);
    }

    function whisper(uint256 value) external {
        emit Whispered(value);
    }

    function refuse(uint256 code) external view {
        revert NotAllowed(msg.sender, code);
    }

    function fail(string calldata reason) external pure {
        revert(reason);
    }

    function crash(uint256 divisor) external pure returns (uint256) {
        return 1 / divisor;
    }

    /// Memory costs gas by the square of its size, and hardly any time.
    function grind(uint256 size) external pure returns (uint256) {
        return new bytes(size).length;
    }
}
