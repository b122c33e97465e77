# terraform-compliance --features examples/policy/terraform-compliance --planfile plan.json
Feature: GPUs are changed within bounds

  Scenario: No power limit is lowered below the floor
    Given I have gpu defined
    When it has power_limit_watts
    Then it must have power_limit_watts
    And its value must be greater and equal to 300

  Scenario: Alerts go to the people on call
    Given I have alert defined
    When it has channel
    Then it must have channel
    And its value must match the "oncall|facility" regex
