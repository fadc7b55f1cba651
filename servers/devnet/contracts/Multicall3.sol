// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// The functions of Multicall3 that readers of a chain call, with its
/// selectors and its results; put at the address where every chain has it.
contract Multicall3 {
    struct Call3 {
        address target;
        bool allowFailure;
        bytes callData;
    }

    struct Result {
        bool success;
        bytes returnData;
    }

    function aggregate3(Call3[] calldata calls)
        external
        payable
        returns (Result[] memory returnData)
    {
        returnData = new Result[](calls.length);
        for (uint256 index = 0; index < calls.length; index++) {
            Call3 calldata each = calls[index];
            (bool success, bytes memory data) = each.target.call(each.callData);
            require(success || each.allowFailure, "Multicall3: call failed");
            returnData[index] = Result(success, data);
        }
    }

    function getBlockHash(uint256 number) external view returns (bytes32) {
        return blockhash(number);
    }

    function getBlockNumber() external view returns (uint256) {
        return block.number;
    }

    function getChainId() external view returns (uint256) {
        return block.chainid;
    }

    function getCurrentBlockTimestamp() external view returns (uint256) {
        return block.timestamp;
    }

    function getEthBalance(address account) external view returns (uint256) {
        return account.balance;
    }
}
