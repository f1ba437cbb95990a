package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// provisioner is what a StorageClass names to get its volumes from here: directories of the machine
// that all nodes share, each as a local volume of one node.
const provisioner = "kastellan.dev/directories"

const (
	selectedNode  = "volume.kubernetes.io/selected-node"
	provisionedBy = "pv.kubernetes.io/provisioned-by"
)

// provision makes a volume for every claim whose pod has got its node.
func (cloud *cloud) provision(ctx context.Context) error {
	claims, err := cloud.claims.List(labels.Everything())
	if err != nil {
		return err
	}
	var failed []error
	for _, claim := range claims {
		node := claim.Annotations[selectedNode]
		class := cloud.class(claim)
		if class == "" || node == "" || claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil {
			continue
		}
		failed = append(failed, cloud.make(ctx, claim, class, node))
	}
	return errors.Join(failed...)
}

// class is the name of the claim's StorageClass when it is one of ours.
func (cloud *cloud) class(claim *v1.PersistentVolumeClaim) string {
	if claim.Spec.StorageClassName == nil {
		return ""
	}
	class, err := cloud.classes.Get(*claim.Spec.StorageClassName)
	if err != nil || class.Provisioner != provisioner {
		return ""
	}
	return class.Name
}

func (cloud *cloud) make(ctx context.Context, claim *v1.PersistentVolumeClaim, className, node string) error {
	class, err := cloud.classes.Get(className)
	if err != nil {
		return err
	}
	name := "pvc-" + string(claim.UID)
	folder := filepath.Join(cloud.folder, name)
	// as a fresh file system is: root's. A pod that isn't root's needs its fsGroup.
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	volume := &v1.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{provisionedBy: provisioner}},
		Spec: v1.PersistentVolumeSpec{
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      v1.ResourceList{v1.ResourceStorage: claim.Spec.Resources.Requests[v1.ResourceStorage]},
			ClaimRef:                      &v1.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID},
			NodeAffinity:                  onNode(node),
			PersistentVolumeReclaimPolicy: *class.ReclaimPolicy,
			PersistentVolumeSource:        v1.PersistentVolumeSource{Local: &v1.LocalVolumeSource{Path: folder}},
			StorageClassName:              class.Name,
		},
	}
	_, err = cloud.client.CoreV1().PersistentVolumes().Create(ctx, volume, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func onNode(name string) *v1.VolumeNodeAffinity {
	hostname := v1.NodeSelectorRequirement{Key: v1.LabelHostname, Operator: v1.NodeSelectorOpIn, Values: []string{name}}
	term := v1.NodeSelectorTerm{MatchExpressions: []v1.NodeSelectorRequirement{hostname}}
	return &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{term}}}
}

// grow gives a bound claim what it asks for, if that is more: as a resizer does that has nothing to
// do on the node.
func (cloud *cloud) grow(ctx context.Context) error {
	claims, err := cloud.claims.List(labels.Everything())
	if err != nil {
		return err
	}
	var failed []error
	for _, claim := range claims {
		if cloud.class(claim) == "" || claim.Status.Phase != v1.ClaimBound {
			continue
		}
		wanted := claim.Spec.Resources.Requests[v1.ResourceStorage]
		has := claim.Status.Capacity[v1.ResourceStorage]
		if wanted.Cmp(has) <= 0 {
			continue
		}
		failed = append(failed, cloud.resize(ctx, claim.DeepCopy()))
	}
	return errors.Join(failed...)
}

func (cloud *cloud) resize(ctx context.Context, claim *v1.PersistentVolumeClaim) error {
	found, err := cloud.volumes.Get(claim.Spec.VolumeName)
	if err != nil {
		return err
	}
	wanted := claim.Spec.Resources.Requests[v1.ResourceStorage]
	volume := found.DeepCopy()
	if wanted.Cmp(volume.Spec.Capacity[v1.ResourceStorage]) > 0 {
		volume.Spec.Capacity[v1.ResourceStorage] = wanted
		if _, err := cloud.client.CoreV1().PersistentVolumes().Update(ctx, volume, meta.UpdateOptions{}); err != nil {
			return fmt.Errorf("grow %s: %w", volume.Name, err)
		}
	}
	claim.Status.Capacity[v1.ResourceStorage] = wanted
	_, err = cloud.client.CoreV1().PersistentVolumeClaims(claim.Namespace).UpdateStatus(ctx, claim, meta.UpdateOptions{})
	return err
}

// reclaim deletes the volumes that nobody claims any more, where their policy says so.
func (cloud *cloud) reclaim(ctx context.Context) error {
	volumes, err := cloud.volumes.List(labels.Everything())
	if err != nil {
		return err
	}
	var failed []error
	for _, volume := range volumes {
		ours := volume.Annotations[provisionedBy] == provisioner && volume.Spec.Local != nil
		unwanted := volume.Status.Phase == v1.VolumeReleased && volume.Spec.PersistentVolumeReclaimPolicy == v1.PersistentVolumeReclaimDelete
		if !ours || !unwanted {
			continue
		}
		if err := os.RemoveAll(volume.Spec.Local.Path); err != nil {
			failed = append(failed, err)
			continue
		}
		err := cloud.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, meta.DeleteOptions{})
		if !apierrors.IsNotFound(err) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
