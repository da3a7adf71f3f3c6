package main

import (
	"encoding/json"
	"reflect"
	"strings"

	m3ter "github.com/m3ter-com/m3ter-sdk-go"
)

// call runs a method of one of the SDK's services with its parameters filled from JSON, and answers the raw reply.
func call(client *m3ter.Client, service, method string, ids []string, values object) (object, error) {
	target := reflect.ValueOf(client).Elem()
	for _, name := range strings.Split(service, ".") {
		target = reflect.Indirect(target.FieldByName(name))
	}
	function := target.Addr().MethodByName(method)
	arguments := []reflect.Value{reflect.ValueOf(background)}
	for _, id := range ids {
		arguments = append(arguments, reflect.ValueOf(id))
	}
	parameters := reflect.New(function.Type().In(len(arguments))).Elem()
	fill(parameters, values)
	results := function.Call(append(arguments, parameters))
	if err, failed := results[1].Interface().(error); failed {
		return nil, err
	}
	return rawReply(results[0]), nil
}

// rawReply is what the server sent, as the SDK's typed reply kept it.
func rawReply(reply reflect.Value) object {
	raw := reply.Elem().FieldByName("JSON").MethodByName("RawJSON")
	if !raw.IsValid() {
		raw = reply.Elem().FieldByName("JSON").Addr().MethodByName("RawJSON")
	}
	var out object
	must(json.Unmarshal([]byte(raw.Call(nil)[0].String()), &out))
	return out
}

// listed walks the SDK's own pager to the end and answers every id.
func listed(client *m3ter.Client, service string, values object) []string {
	target := reflect.Indirect(reflect.ValueOf(client).Elem().FieldByName(service)).Addr()
	function := target.MethodByName("ListAutoPaging")
	parameters := reflect.New(function.Type().In(1)).Elem()
	fill(parameters, values)
	pager := function.Call([]reflect.Value{reflect.ValueOf(background), parameters})[0]
	ids := []string{}
	for pager.MethodByName("Next").Call(nil)[0].Bool() {
		current := pager.MethodByName("Current").Call(nil)[0]
		ids = append(ids, current.FieldByName("ID").String())
	}
	if err, failed := pager.MethodByName("Err").Call(nil)[0].Interface().(error); failed {
		panic(err)
	}
	return ids
}
