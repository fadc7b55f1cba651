// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// What an account delegates to (EIP-7702) to make several calls at once.
contract Wallet {
    struct Call {
        address target;
        uint256 value;
        bytes data;
    }

    event Executed(address indexed account, uint256 calls);
    event Pinged(address indexed account, address indexed sender);

    function execute(Call[] calldata calls) external payable {
        require(msg.sender == address(this), "Wallet: not the account");
        for (uint256 index = 0; index < calls.length; index++) {
            Call calldata call_ = calls[index];
            (bool done,) = call_.target.call{value: call_.value}(call_.data);
            require(done, "Wallet: call failed");
        }
        emit Executed(address(this), calls.length);
    }

    function ping() external {
        emit Pinged(address(this), msg.sender);
    }

    receive() external payable {}
}
