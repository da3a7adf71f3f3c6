// Drives a server with the official m3ter Go SDK; prints failures and one summary line.
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
)

func main() {
	served := served()
	table := resources()
	serving := slices.DeleteFunc(slices.Clone(table), func(one resource) bool {
		return !served[one.Path]
	})
	checks := &checks{}
	scenario := newScenario(connect(), checks)
	for _, one := range serving {
		checks.run(one.Name, func() { scenario.run(one) })
	}
	checks.run("access", func() { checkAccess(scenario, served) })
	for _, one := range slices.Backward(serving) {
		checks.run(one.Name+" at the end", func() { scenario.clean(one) })
	}
	for _, failure := range checks.failures {
		fmt.Println("FAILED", failure)
	}
	fmt.Printf("go m3ter-sdk-go v0.12.0: %d of %d resources served, %d checks held, %d failed\n",
		len(serving), len(table), checks.passed, len(checks.failures))
	if len(checks.failures) > 0 {
		os.Exit(1)
	}
}

func served() map[string]bool {
	text, err := os.ReadFile(os.Getenv("TURNPIKE_SERVED"))
	must(err)
	paths := map[string]bool{}
	for _, path := range strings.Fields(string(text)) {
		paths[path] = true
	}
	return paths
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

var background = context.Background()
