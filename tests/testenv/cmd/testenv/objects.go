package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/objects"
)

// withClient calls do with a client for the cluster of $KUBECONFIG.
func withClient(do func(context.Context, *objects.Client) error) error {
	client, err := objects.NewClient()
	if err != nil {
		return err
	}
	ctx, cancel := timeoutContext()
	defer cancel()
	return do(ctx, client)
}

// changePods is withClient for functions that change pods of a namespace. It returns
// when all clients see the change.
func changePods(namespace string, do func(context.Context, *objects.Client) error) error {
	return withClient(func(ctx context.Context, c *objects.Client) error {
		if err := do(ctx, c); err != nil {
			return err
		}
		return c.AwaitPods(ctx, namespace)
	})
}

func namespace(args []string) error {
	operands, err := parse(newFlags(), args, "NAME")
	if err != nil {
		return err
	}
	return withClient(func(ctx context.Context, c *objects.Client) error {
		return c.CreateNamespace(ctx, operands[0])
	})
}

func deleteNamespace(args []string) error {
	flags := newFlags()
	finalize := flags.Bool("finalize", false, "")
	operands, err := parse(flags, args, "NAME")
	if err != nil {
		return err
	}
	return withClient(func(ctx context.Context, c *objects.Client) error {
		return c.DeleteNamespace(ctx, operands[0], *finalize)
	})
}

func account(args []string) error {
	flags := newFlags()
	verbs := flags.String("verbs", "list,watch", "")
	namespace, name, err := parseNamed(flags, args)
	if err != nil {
		return err
	}
	return withClient(func(ctx context.Context, c *objects.Client) error {
		return c.SetAccount(ctx, namespace, name, splitList(*verbs))
	})
}

func deleteAccount(args []string) error {
	namespace, name, err := parseNamed(newFlags(), args)
	if err != nil {
		return err
	}
	return withClient(func(ctx context.Context, c *objects.Client) error {
		return c.DeleteAccount(ctx, namespace, name)
	})
}

func pod(args []string) error {
	var want objects.Pod
	flags := newFlags()
	labelFlag(flags, &want.Labels)
	flags.Func("port", "", func(text string) error {
		name, number, _ := strings.Cut(text, "=")
		n, err := strconv.ParseInt(number, 10, 32)
		if err != nil {
			return errors.New("expected NAME=NUMBER")
		}
		want.Ports = append(want.Ports, objects.Port{Name: name, Number: int32(n)})
		return nil
	})
	flags.Func("ip", "", func(text string) error {
		want.IPs = append(want.IPs, text)
		return nil
	})
	flags.Func("phase", "", func(text string) error {
		want.Phase = &text
		return nil
	})
	flags.Func("node", "", func(text string) error {
		want.Node = &text
		return nil
	})
	flags.BoolFunc("ready", "", func(text string) error {
		ready, err := strconv.ParseBool(text)
		want.Ready = &ready
		return err
	})
	flags.Func("started", "", func(text string) error {
		started, err := parseTime(text)
		want.Started = &started
		return err
	})
	flags.StringVar(&want.ServiceAccount, "service-account", "", "")
	var err error
	if want.Namespace, want.Name, err = parseNamed(flags, args); err != nil {
		return err
	}
	return changePods(want.Namespace, func(ctx context.Context, c *objects.Client) error {
		return c.SetPod(ctx, want)
	})
}

// labelFlag adds a flag that may be repeated.
func labelFlag(flags *flag.FlagSet, labels *map[string]string) {
	flags.Func("label", "", func(text string) error {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return errors.New("expected KEY=VALUE")
		}
		if *labels == nil {
			*labels = map[string]string{}
		}
		(*labels)[key] = value
		return nil
	})
}

// parseTime returns the zero time for "".
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, text)
}

func relabel(args []string) error {
	var labels map[string]string
	flags := newFlags()
	labelFlag(flags, &labels)
	namespace, name, err := parseNamed(flags, args)
	if err != nil {
		return err
	}
	return changePods(namespace, func(ctx context.Context, c *objects.Client) error {
		return c.RelabelPod(ctx, namespace, name, labels)
	})
}

func terminate(args []string) error {
	namespace, name, err := parseNamed(newFlags(), args)
	if err != nil {
		return err
	}
	return changePods(namespace, func(ctx context.Context, c *objects.Client) error {
		return c.TerminatePod(ctx, namespace, name)
	})
}

func deletePod(args []string) error {
	namespace, name, err := parseNamed(newFlags(), args)
	if err != nil {
		return err
	}
	return changePods(namespace, func(ctx context.Context, c *objects.Client) error {
		return c.DeletePod(ctx, namespace, name)
	})
}

func pods(args []string) error {
	flags := newFlags()
	namespace := flags.String("namespace", "", "")
	selector := flags.String("selector", "", "")
	if _, err := parse(flags, args); err != nil {
		return err
	}
	if err := required(flags, "namespace"); err != nil {
		return err
	}
	return withClient(func(ctx context.Context, c *objects.Client) error {
		list, err := c.Pods(ctx, *namespace, *selector)
		if err != nil {
			return err
		}
		_, err = os.Stdout.Write(list)
		return err
	})
}

func mount(args []string) error {
	flags := newFlags()
	namespace := flags.String("namespace", "", "")
	account := flags.String("service-account", "", "")
	pod := flags.String("pod", "", "")
	duration := flags.Duration("duration", time.Hour, "")
	operands, err := parse(flags, args, "DIR")
	if err != nil {
		return err
	}
	if err := required(flags, "namespace", "service-account"); err != nil {
		return err
	}
	return withClient(func(ctx context.Context, c *objects.Client) error {
		return c.Mount(ctx, *namespace, *account, *pod, *duration, operands[0])
	})
}

func get(args []string) error {
	operands, err := parse(newFlags(), args, "PATH")
	if err != nil {
		return err
	}
	return withClient(func(ctx context.Context, c *objects.Client) error {
		response, err := c.Get(ctx, operands[0])
		if err != nil {
			return err
		}
		_, err = os.Stdout.Write(response)
		return err
	})
}

func endpoint(args []string) error {
	if _, err := parse(newFlags(), args); err != nil {
		return err
	}
	return withClient(func(_ context.Context, c *objects.Client) error {
		host, port, err := c.Endpoint()
		if err != nil {
			return err
		}
		fmt.Printf("KUBERNETES_SERVICE_HOST=%s\nKUBERNETES_SERVICE_PORT=%s\n", host, port)
		return nil
	})
}

// parseNamed parses the arguments of a command that takes --namespace NS NAME.
func parseNamed(flags *flag.FlagSet, args []string) (namespace, name string, err error) {
	flags.StringVar(&namespace, "namespace", "", "")
	operands, err := parse(flags, args, "NAME")
	if err != nil {
		return "", "", err
	}
	if err := required(flags, "namespace"); err != nil {
		return "", "", err
	}
	return namespace, operands[0], nil
}

func splitList(text string) []string {
	var list []string
	for _, item := range strings.Split(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}
