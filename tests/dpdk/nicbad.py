# Copyright (c) 2026 The tnl-gso authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at:
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""What the NIC for tests must refuse (nic-check.c): one row each, with the
word that says why, in the log of the NIC."""

from frames import ROW, Superpacket
from nicfeed import (EINVAL, ENOTSUP, GENEVE, IP_CKSUM, IPV4, IPV6, Mbuf,
                     OUTER_IP_CKSUM, OUTER_IPV4, OUTER_IPV6, OUTER_UDP_CKSUM,
                     TCP_CKSUM, TCP_SEG, TUN_GRE, TX_MULTI_SEGS, UDP_CKSUM,
                     UDP_SEG, VLAN_PKT, VXLAN, mbuf_of, other_tunnel)


def edited(frame, at, data):
    return frame[:at] + data + frame[at + len(data):]


def judge_bad(judge, make):
    """(name, devargs, configured offloads or 0 for all, mbuf, BAD or refuse,
    why)"""
    sp4 = Superpacket(dict(ROW, payload=9000), 'bad')
    tcp4 = mbuf_of(sp4)
    tcp6 = mbuf_of(Superpacket(dict(ROW, ip=6, payload=9000), 'bad'))
    udp4 = mbuf_of(Superpacket(dict(ROW, l4='udp', payload=9000), 'bad'))
    sp = Superpacket(dict(ROW, encap='vxlan', payload=9000), 'bad')
    vx4 = mbuf_of(sp)
    vx6 = mbuf_of(Superpacket(dict(ROW, encap='vxlan', outer=6, payload=9000),
                              'bad'))
    gen = mbuf_of(Superpacket(dict(ROW, encap='geneve', opts=96,
                                   payload=9000), 'bad'))
    gre = other_tunnel('gre', 4, 4, 9000)[0]
    timed = mbuf_of(Superpacket(dict(ROW, tcpopts=bytes(12), payload=9000),
                                'bad'))
    wrapped = Superpacket(dict(ROW, encap='geneve', opts=128, payload=9000),
                          'bad')
    plain = Mbuf(sp4.frame[:1000], 0, 0, 0, 14, 20, 20, 0)
    every = ('IPV4_CKSUM', 'TCP_CKSUM', 'UDP_CKSUM', 'TCP_TSO', 'UDP_TSO',
             'OUTER_IPV4_CKSUM', 'OUTER_UDP_CKSUM', 'VXLAN_TNL_TSO',
             'GRE_TNL_TSO', 'GENEVE_TNL_TSO')

    def without(*names):
        return 'caps=' + '+'.join(n for n in every if n not in names)

    n = 'not-configured'
    cases = [
        ('no TCP_TSO', without('TCP_TSO'), 0, tcp4, 'BAD', n),
        ('no IPV4_CKSUM', without('IPV4_CKSUM'), 0, tcp4, 'BAD', n),
        ('no TCP_CKSUM', without('TCP_CKSUM'), 0,
         tcp4.but(flags=IPV4 | TCP_CKSUM), 'BAD', n),
        ('no UDP_CKSUM', without('UDP_CKSUM'), 0, udp4, 'BAD', n),
        ('no UDP_TSO', without('UDP_TSO'), 0, udp4, 'BAD', n),
        ('no OUTER_IPV4_CKSUM', without('OUTER_IPV4_CKSUM'), 0, vx4, 'BAD',
         n),
        ('no OUTER_UDP_CKSUM', without('OUTER_UDP_CKSUM'), 0, vx6, 'BAD', n),
        ('no VXLAN_TNL_TSO', without('VXLAN_TNL_TSO'), 0, vx4, 'BAD', n),
        ('no GENEVE_TNL_TSO', without('GENEVE_TNL_TSO'), 0, gen, 'BAD', n),
        ('no GRE_TNL_TSO', without('GRE_TNL_TSO'), 0, gre, 'BAD', n),
        ('tunnel checksum without tunnel TSO', without('VXLAN_TNL_TSO'), 0,
         vx4.but(flags=vx4.flags & ~TCP_SEG | TCP_CKSUM), 'BAD', n),
        ('not asked for at configuration', 'caps=all', TX_MULTI_SEGS, vx4,
         'BAD', n),
        ('unknown flag', 'caps=all', 0, tcp4.but(flags=tcp4.flags | VLAN_PKT),
         'BAD', 'unknown-flag'),
        ('outer without inner', 'caps=all', 0,
         vx4.but(flags=VXLAN | OUTER_IPV4 | OUTER_IP_CKSUM), 'BAD',
         'outer-without-inner'),
        ('outer without tunnel', 'caps=all', 0,
         vx4.but(flags=vx4.flags & ~VXLAN), 'BAD', 'outer-without-tunnel'),
        ('tunnel without outer version', 'caps=all', 0,
         vx4.but(flags=vx4.flags & ~(OUTER_IPV4 | OUTER_IP_CKSUM)), 'BAD',
         'no-outer-ip-version'),
        ('both outer versions', 'caps=all', 0,
         vx4.but(flags=vx4.flags | OUTER_IPV6), 'BAD', 'no-outer-ip-version'),
        ('no version', 'caps=all', 0, tcp6.but(flags=TCP_SEG), 'BAD',
         'no-ip-version'),
        ('both versions', 'caps=all', 0, tcp4.but(flags=tcp4.flags | IPV6),
         'BAD', 'no-ip-version'),
        ('IPv6 with IP_CKSUM', 'caps=all', 0,
         tcp6.but(flags=tcp6.flags | IP_CKSUM), 'BAD', 'ip-checksum-of-ipv6'),
        ('outer IPv6 with OUTER_IP_CKSUM', 'caps=all', 0,
         vx6.but(flags=vx6.flags | OUTER_IP_CKSUM), 'BAD',
         'ip-checksum-of-ipv6'),
        ('TSO without IP_CKSUM', 'caps=all', 0,
         tcp4.but(flags=TCP_SEG | IPV4), 'BAD', 'tso-without-ip-checksum'),
        ('TSO without OUTER_IP_CKSUM', 'caps=all', 0,
         vx4.but(flags=vx4.flags & ~OUTER_IP_CKSUM), 'BAD',
         'tso-without-outer-ip-checksum'),
        ('UDP checksum of GRE', 'caps=all', 0,
         gre.but(flags=gre.flags | OUTER_UDP_CKSUM), 'BAD',
         'udp-checksum-of-other-tunnel'),
        ('TCP and UDP', 'caps=all', 0, tcp4.but(flags=tcp4.flags | UDP_SEG),
         'BAD', 'tcp-and-udp'),
        ('TCP_SEG with UDP_CKSUM', 'caps=all', 0,
         tcp4.but(flags=tcp4.flags | UDP_CKSUM), 'BAD', 'wrong-l4'),
        ('UDP marked as TCP', 'caps=all', 0,
         udp4.but(flags=tcp4.flags), 'BAD', 'l4-protocol'),
        ('TCP marked as UDP', 'caps=all', 0,
         tcp4.but(flags=udp4.flags, l4=8), 'BAD', 'l4-protocol'),
        ('no mss', 'caps=all', 0, tcp4.but(segsz=0), 'BAD', 'no-mss'),
        ('no outer_l2_len', 'caps=all', 0, vx4.but(outer_l2=0), 'BAD',
         'outer_l2_len'),
        ('outer_l2_len', 'caps=all', 0, vx4.but(outer_l2=18), 'BAD',
         'outer_l2_len'),
        ('no outer_l3_len', 'caps=all', 0, vx4.but(outer_l3=0), 'BAD',
         'outer_l3_len'),
        ('outer_l3_len', 'caps=all', 0, vx4.but(outer_l3=24), 'BAD',
         'outer_l3_len'),
        ('wrong outer version', 'caps=all', 0,
         vx4.but(flags=vx4.flags & ~(OUTER_IPV4 | OUTER_IP_CKSUM)
                 | OUTER_IPV6), 'BAD', 'outer_l3_len'),
        ('l2_len of VXLAN', 'caps=all', 0, vx4.but(l2=34), 'BAD',
         'l2_len-of-tunnel'),
        ('l2_len of Geneve', 'caps=all', 0, gen.but(l2=30), 'BAD',
         'l2_len-of-tunnel'),
        ('l2_len that wraps', 'caps=all', 0,
         mbuf_of(wrapped).but(l2=mbuf_of(wrapped).l2 & 127), 'BAD',
         'l2_len-of-tunnel'),
        ('l2_len of GRE', 'caps=all', 0, gre.but(l2=18), 'BAD',
         'l2_len-of-tunnel'),
        ('Geneve marked as VXLAN', 'caps=all', 0,
         gen.but(flags=gen.flags & ~GENEVE | VXLAN), 'BAD',
         'l2_len-of-tunnel'),
        ('VXLAN marked as GRE', 'caps=all', 0,
         vx4.but(flags=vx4.flags & ~(VXLAN | OUTER_UDP_CKSUM) | TUN_GRE),
         'BAD', 'l2_len-of-tunnel'),
        ('l2_len', 'caps=all', 0, tcp4.but(l2=18), 'BAD', 'l2_len-or-l3_len'),
        ('l3_len', 'caps=all', 0, tcp4.but(l3=24), 'BAD', 'l2_len-or-l3_len'),
        ('no lengths', 'caps=all', 0, tcp4.but(l2=0, l3=0, l4=0), 'BAD',
         'l2_len-or-l3_len'),
        ('inner l3_len', 'caps=all', 0, vx4.but(l3=40), 'BAD',
         'inner-lengths'),
        ('l4_len', 'caps=all', 0, tcp4.but(l4=32), 'BAD', 'l4_len'),
        ('no l4_len', 'caps=all', 0, tcp4.but(l4=0), 'BAD', 'l4_len'),
        ('l4_len of UDP', 'caps=all', 0, udp4.but(l4=20), 'BAD', 'l4_len'),
        ('IP length', 'caps=all', 0,
         tcp4.but(frame=edited(tcp4.frame, 16, b'\x01\0')), 'BAD',
         'l2_len-or-l3_len'),
        ('a fragment', 'caps=all', 0,
         tcp4.but(frame=edited(tcp4.frame, 20, b'\x20\0')), 'BAD',
         'l4-protocol'),
        ('nothing to cut', 'caps=all', 0,
         mbuf_of(Superpacket(dict(ROW, payload=0), 'bad')), 'BAD',
         'nothing-to-cut'),
        ('headers in two segments', 'caps=all', 0, tcp4.but(parts=(40,)),
         'BAD', 'headers-not-contiguous'),
        ('TCP options in another segment', 'caps=all', 0,
         timed.but(parts=(14 + 20 + 20,)), 'BAD', 'headers-not-contiguous'),
        ('tunnel headers in two segments', 'caps=all', 0,
         vx4.but(parts=(80,)), 'BAD', 'headers-not-contiguous'),
        ('segments without MULTI_SEGS', without(), 0,
         tcp4.but(parts=(100,)), 'BAD', 'segments-not-configured'),
        ('segments with FAST_FREE', 'caps=MULTI_SEGS+MBUF_FAST_FREE', 0,
         plain.but(parts=(100,)), 'BAD', 'segments-not-configured'),
        ('min_mss', 'caps=all,min_mss=1401', 0, vx4, 'refuse', 'min_mss'),
        ('max_mss', 'caps=all,max_mss=1399', 0, vx4, 'refuse', 'max_mss'),
        ('max_hdr', 'caps=all,max_hdr=103', 0, vx4, 'refuse', 'max_hdr'),
        ('seg_max', 'caps=all,seg_max=2', 0, vx4.but(parts=(104, 2000)),
         'refuse', 'seg_max'),
        ('mtu_seg_max', 'caps=all,mtu_seg_max=2', 0,
         plain.but(parts=(104, 200)), 'refuse', 'mtu_seg_max'),
        ('mtu_seg_max of a segment', 'caps=all,mtu_seg_max=3', 0,
         vx4.but(parts=(104, 100, 100, 100)), 'refuse', 'mtu_seg_max'),
        ('rule all', 'caps=all,refuse=all', 0, plain, 'refuse', 'rule'),
        ('rule flags', 'caps=all,refuse=flags+einval', 0, tcp4, 'refuse',
         'rule'),
        ('rule tunnel', 'caps=all,refuse=tunnel', 0, vx4, 'refuse', 'rule'),
        ('rule mss', 'caps=all,refuse=mss:1401', 0, vx4, 'refuse', 'rule'),
    ]
    # The same devices with what they must take.
    good = [
        ('limits kept', 'caps=all,min_mss=1400,max_mss=1400,max_hdr=104,'
         'seg_max=3,mtu_seg_max=3', 0, vx4.but(parts=(104, 2000))),
        ('97 bytes of l2_len', 'caps=all', 0, gen),
        ('rule flags, none set', 'caps=all,refuse=flags', 0, plain),
        ('rule tunnel, none', 'caps=all,refuse=tunnel', 0, tcp4),
        ('rule mss, enough', 'caps=all,refuse=mss:1400', 0, tcp4),
        ('all but MULTI_SEGS', without(), 0, vx4),
        ('no TCP_TSO, in a tunnel', without('TCP_TSO'), 0, vx4),
    ]
    nics = {}

    def nic_for(devargs, offloads):
        key = devargs, offloads
        if key not in nics:
            nics[key] = make('bad%d' % len(nics), devargs, offloads)
        return nics[key]

    for name, devargs, offloads, m, verb, why in cases:
        name = 'bad ' + name
        if not judge.wants(name):
            continue
        nic = nic_for(devargs, offloads)
        before = nic.info()[3]
        answer = nic.hand('send', m)
        errors = nic.info()[3] - before
        with open(nic.log) as f:
            line = [w for w in f.readlines()
                    if w.startswith(verb + ' ')][-1:] or ['']
        error = (ENOTSUP if verb == 'BAD' else EINVAL if why != 'rule'
                 or 'einval' in devargs else ENOTSUP)
        problem = None
        if answer != 'refused %d' % error:
            problem = answer
        elif not line[0].endswith('why=%s\n' % why):
            problem = 'logged: ' + line[0].strip()
        elif errors != (verb == 'BAD'):
            problem = '%d errors counted' % errors
        elif nic.frames():
            problem = 'something has been sent'
        judge.case(name, problem)
    for name, devargs, offloads, m in good:
        name = 'good ' + name
        if judge.wants(name):
            answer = nic_for(devargs, offloads).hand('send', m)
            judge.case(name, None if answer == 'sent' else answer)
    if judge.wants('bad super'):
        nic = nic_for('caps=all,refuse=super:3', 0)
        answers = ' '.join(nic.hand('send', tcp4) for _ in range(6))
        judge.case('bad super', None if answers == 'sent sent refused 95 sent '
                   'sent refused 95' else answers)
    if judge.wants('bad driver'):
        info = nic_for('caps=0x4a,driver=net_i40e', 0).info()
        judge.case('bad driver', None if info[:2] == ['net_i40e', 0x4a]
                   else str(info))
    for nic in nics.values():
        used = nic.info()[4]
        judge.case('bad mbufs', used and '%d mbufs in use' % used)
        nic.end()
