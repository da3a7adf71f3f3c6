package main

import "fmt"

// checks counts what held and says what did not.
type checks struct {
	passed   int
	failures []string
}

func (c *checks) that(claim string, holds bool, saw any) {
	if holds {
		c.passed++
		return
	}
	c.failures = append(c.failures, fmt.Sprintf("%s: %v", claim, saw))
}

// run turns a panic into one failure; the other steps still run.
func (c *checks) run(name string, step func()) {
	defer func() {
		if reason := recover(); reason != nil {
			c.failures = append(c.failures, fmt.Sprintf("%s: %v", name, reason))
		}
	}()
	step()
}
