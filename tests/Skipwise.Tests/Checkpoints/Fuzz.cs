using System.Globalization;
using Skipwise.Numerics;

namespace Skipwise.Tests.Checkpoints;

/// <summary>Damages files and watches a reader cope: it reads or refuses, and takes no more memory than the file has bytes for.</summary>
internal static class Fuzz
{
    /// <summary>SKIPWISE_FUZZ=100000 runs more of them.</summary>
    public static int Mutations => int.TryParse(Environment.GetEnvironmentVariable("SKIPWISE_FUZZ"), CultureInfo.InvariantCulture, out int asked) ? asked : 3000;

    /// <summary>One after the other, mutated file <paramref name="path"/> in the reader's hands.</summary>
    /// <param name="mutate">a damaged file, from its number's own random stream</param>
    /// <param name="read">opens and reads everything</param>
    /// <param name="bytesPerByte">memory that a byte of the file may take, besides a constant</param>
    /// <returns>how many were refused</returns>
    public static int Run(string path, Func<KeyedRandom, byte[]> mutate, Action read, long bytesPerByte)
    {
        int refused = 0, mutations = Mutations;
        for (int i = 0; i < mutations; i++)
        {
            byte[] mutated = mutate(new KeyedRandom(seed: 20, index: (ulong)i));
            File.WriteAllBytes(path, mutated);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                read();
            }
            catch (SkipwiseException e)
            {
                Assert.True(e.Message.Contains(Path.GetDirectoryName(path)!, StringComparison.Ordinal), $"mutation {i}: {e.Message}");
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"mutation {i}: {e}");
            }
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < 1_000_000 + (bytesPerByte * mutated.Length), $"mutation {i}: {allocated} bytes taken for a file of {mutated.Length}: {System.Text.Encoding.Latin1.GetString(mutated)}");
        }
        return refused;
    }

    /// <summary>Some bits, bytes and numbers of a range changed, pieces doubled or gone, the end cut off or grown.</summary>
    public static byte[] Damage(byte[] original, KeyedRandom rng, int from, int end, int changes = 3)
    {
        byte[] bytes = [.. original];
        for (int change = rng.Between(1, changes); change > 0 && bytes.Length > from + 1; change--)
        {
            int last = Math.Min(end, bytes.Length) - 1;
            int at = rng.Between(Math.Min(from, last), last), to = Math.Min(bytes.Length, at + rng.Between(1, 60));
            switch (rng.Below(9))
            {
                case 0: bytes[at] ^= (byte)(1 << (int)rng.Below(8)); break;
                case 1: bytes[at] = (byte)rng.Below(256); break;
                case 2: bytes = bytes[..(int)rng.Below(bytes.Length)]; break;
                case 3: bytes = [.. bytes, .. new byte[rng.Between(1, 40)]]; break;
                case 4: bytes = [.. bytes[..to], .. bytes[at..]]; break; // twice
                case 5: bytes = [.. bytes[..at], .. bytes[to..]]; break; // gone
                case 6: // a number of 2, 4 or 8 bytes: an edge, or somewhere near the old one
                    int size = 1 << rng.Between(1, 3);
                    if (at + size <= bytes.Length)
                    {
                        long[] edges = [0, 1, -1, -2, short.MaxValue, ushort.MaxValue, int.MaxValue, uint.MaxValue, int.MinValue, long.MaxValue, long.MinValue, bytes.Length, bytes.Length - at, bytes[at] + rng.Between(-4, 4)];
                        BitConverter.GetBytes(rng.Pick(edges)).AsSpan(0, size).CopyTo(bytes.AsSpan(at));
                    }
                    break;
                case 7: // one place copied over another
                    int other = rng.Between(Math.Min(from, last), last), length = Math.Min(rng.Between(1, 30), bytes.Length - Math.Max(at, other));
                    original.AsSpan(Math.Min(other, original.Length), Math.Max(0, Math.Min(length, original.Length - other))).CopyTo(bytes.AsSpan(at));
                    break;
                default: bytes[at]++; break;
            }
        }
        return bytes;
    }
}
