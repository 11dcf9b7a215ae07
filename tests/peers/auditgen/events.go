package main

import (
	"flag"
	"fmt"
	"net/http"
	"strings"
	"time"

	authnv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	auditinternal "k8s.io/apiserver/pkg/apis/audit"
)

// What a script of `kubectl get` tries with a token that it found.
var wanted = []struct{ group, resource string }{
	{"", "secrets"}, {"", "configmaps"}, {"", "pods"}, {"", "services"},
	{"", "serviceaccounts"}, {"", "nodes"}, {"", "namespaces"}, {"", "events"},
	{"", "persistentvolumes"}, {"", "endpoints"}, {"", "resourcequotas"},
	{"apps", "deployments"}, {"apps", "daemonsets"}, {"apps", "statefulsets"},
	{"batch", "jobs"}, {"batch", "cronjobs"}, {"networking.k8s.io", "ingresses"},
	{"networking.k8s.io", "networkpolicies"}, {"policy", "poddisruptionbudgets"},
	{"rbac.authorization.k8s.io", "roles"}, {"rbac.authorization.k8s.io", "rolebindings"},
	{"rbac.authorization.k8s.io", "clusterroles"},
	{"rbac.authorization.k8s.io", "clusterrolebindings"}, {"storage.k8s.io", "storageclasses"},
}

// One refused request of a planted attacker.
type attempt struct{ attacker, number int }

// story is the whole input: event i is the same for the same flags, whatever
// the rate, and whether one run writes all of it or several write parts.
type story struct {
	events    int
	first     int
	whole     int
	seed      uint
	padding   int
	attackers int
	burst     int
	spacing   int
	start     string
	step      time.Duration

	startTime time.Time
	pad       string
	attacks   map[int]attempt
}

func (s *story) register() {
	flag.IntVar(&s.events, "events", 10000, "events to write")
	flag.IntVar(&s.first, "first", 0, "sequence number of the first one")
	flag.IntVar(&s.whole, "story", 0, "events of all runs together, over which the attacks are spread (0: first + events)")
	flag.UintVar(&s.seed, "seed", 1, "first part of all auditIDs")
	flag.IntVar(&s.padding, "padding", 600, "bytes of padding in each userAgent")
	flag.IntVar(&s.attackers, "attackers", 0, "actors that try what they may not")
	flag.IntVar(&s.burst, "burst", 20, "refused requests of each attacker")
	flag.IntVar(&s.spacing, "burst-spacing", 2, "events from one request of an attacker to the next")
	flag.StringVar(&s.start, "start", "2026-01-01T00:00:00Z", "stage time of event 0")
	flag.DurationVar(&s.step, "step", 10*time.Millisecond, "time from one event to the next")
}

// plan gives an attacker every -burst-spacing'th event of a stretch; the
// stretches are spread evenly.
func (s *story) plan() error {
	if s.whole == 0 {
		s.whole = s.first + s.events
	}
	if s.burst > len(wanted) {
		return fmt.Errorf("-burst is %d at most: each request is for another resource", len(wanted))
	}
	if s.spacing < 1 || s.whole/(s.attackers+1) < s.spacing*s.burst {
		return fmt.Errorf("%d events are too few for %d attackers, or -burst-spacing is not above 0",
			s.whole, s.attackers)
	}
	var err error
	if s.startTime, err = time.Parse(time.RFC3339, s.start); err != nil {
		return err
	}
	s.pad = strings.Repeat("x", s.padding)
	s.attacks = make(map[int]attempt)
	for a := 0; a < s.attackers; a++ {
		begin := (a + 1) * s.whole / (s.attackers + 1)
		for n := 0; n < s.burst; n++ {
			s.attacks[begin+s.spacing*n] = attempt{a, n}
		}
	}
	return nil
}

func (s *story) event(i int) *auditinternal.Event {
	var event *auditinternal.Event
	if attack, ok := s.attacks[i]; ok {
		event = refusedEvent(attack)
	} else {
		event = allowedEvent(i)
	}
	at := s.startTime.Add(time.Duration(i) * s.step)
	event.Level = auditinternal.LevelMetadata
	event.Stage = auditinternal.StageResponseComplete
	event.AuditID = types.UID(fmt.Sprintf("%08x-0000-4000-a000-%012d", s.seed, i))
	event.UserAgent += s.pad
	event.RequestReceivedTimestamp = metav1.NewMicroTime(at)
	event.StageTimestamp = metav1.NewMicroTime(at.Add(2 * time.Millisecond))
	return event
}

// allowedEvent: an application reads its own secrets.
func allowedEvent(i int) *auditinternal.Event {
	namespace := fmt.Sprintf("team-%d", i%50)
	name := fmt.Sprintf("s-%d", i%7)
	return &auditinternal.Event{
		Verb:       "get",
		RequestURI: "/api/v1/namespaces/" + namespace + "/secrets/" + name,
		User:       serviceAccount(namespace, "app", i%50),
		SourceIPs:  []string{fmt.Sprintf("10.1.2.%d", i%50)},
		UserAgent:  "app/v1 ",
		ObjectRef: &auditinternal.ObjectReference{Resource: "secrets", Namespace: namespace,
			Name: name, APIVersion: "v1"},
		ResponseStatus: &metav1.Status{Code: http.StatusOK},
		Annotations: map[string]string{
			"authorization.k8s.io/decision": "allow",
			"authorization.k8s.io/reason": fmt.Sprintf("RBAC: allowed by RoleBinding %q of Role %q to ServiceAccount %q",
				"app/"+namespace, "app", "app/"+namespace)},
	}
}

func refusedEvent(a attempt) *auditinternal.Event {
	namespace := fmt.Sprintf("build-%d", a.attacker)
	user := serviceAccount(namespace, "runner", 1000+a.attacker)
	object := wanted[a.number]
	path, version := "/api/v1", "v1"
	if object.group != "" {
		path = "/apis/" + object.group + "/v1"
	}
	message := fmt.Sprintf("%s is forbidden: User %q cannot list resource %q in API group %q at the cluster scope",
		object.resource, user.Username, object.resource, object.group)
	return &auditinternal.Event{
		Verb:       "list",
		RequestURI: path + "/" + object.resource + "?limit=500",
		User:       user,
		SourceIPs:  []string{fmt.Sprintf("10.9.%d.%d", a.attacker/250, 1+a.attacker%250)},
		UserAgent:  "kubectl/v1.37.2 (linux/amd64) kubernetes/0000000 ",
		ObjectRef: &auditinternal.ObjectReference{Resource: object.resource,
			APIGroup: object.group, APIVersion: version},
		ResponseStatus: &metav1.Status{Status: metav1.StatusFailure, Message: message,
			Reason: metav1.StatusReasonForbidden, Code: http.StatusForbidden},
		Annotations: map[string]string{
			"authorization.k8s.io/decision": "forbid",
			"authorization.k8s.io/reason":   ""},
	}
}

func serviceAccount(namespace, name string, token int) authnv1.UserInfo {
	return authnv1.UserInfo{
		Username: "system:serviceaccount:" + namespace + ":" + name,
		UID:      fmt.Sprintf("5eed0000-0000-4000-a000-%012d", token),
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace,
			"system:authenticated"},
		Extra: map[string]authnv1.ExtraValue{
			"authentication.kubernetes.io/credential-id": {
				fmt.Sprintf("JTI=7e500000-0000-4000-a000-%012d", token)}},
	}
}
