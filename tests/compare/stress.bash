# shellcheck shell=bash
# The stressors of stress-ng, a second each, verifying what they do, as a user without rights: every kind of call of the
# kernel, most of them with wrong arguments, too. Sourced by scripts/compare-apps.

# Left out: those that only compute or fill memory (nothing of theirs goes through the shim), that could touch devices,
# modules or the clock, and that the machine may not have.
STRESS_LEFT_OUT=(apparmor bad-ioctl bigheap binderfs bitops branch brk bsearch cache cacheline clock cpu cpu-online crypt cyclic
    efivar far-branch fp fp-error fpunch funccall funcret goto gpu hash hdd heapsort hsearch icache icmp-flood idle-page iomix
    ipsec-mb jpeg judy kvm l1cache lockbus lsearch matrix matrix-3d mcontend memhotplug memthrash mergesort misaligned mlockmany
    mmapfork netdev nop null numa oom-pipe pageswap pci physpage prefetch qsort quota radixsort randlist rdrand reboot resources
    rmap rtc shellsort skiplist smi softlockup sparsematrix stack str stream swap tree tsc tsearch usersyscall vecfp vecmath vecshuf
    vecwide verity vforkmany watchdog wcs x86cpuid zlib)

stress_ng() {
    local name status
    chmod 777 "$WORK"
    for name in $(stress-ng --stressors); do
        [[ " ${STRESS_LEFT_OUT[*]} " != *" $name "* ]] || continue
        status=0
        foreground "$MODE" "$name" 40 setpriv --reuid=65534 --regid=65534 --clear-groups \
            stress-ng "--$name" 1 -t 1 --verify --no-rand-seed --temp-path "$WORK" || status=$?
        echo "$name status $status, $(awk '/fail:/ { n++ } END { print n + 0 }' "$MODE.$name.out" "$MODE.$name.err") failures"
    done | tee counts
    figure "$(awk '$3 == "0," { ok++ } END { print NR " stressors, " ok " ok" }' counts)"
}

program stress-ng stress_ng 900 "stress-ng util-linux"
