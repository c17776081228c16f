using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Skipwise.Numerics;

namespace Skipwise.Tests.Checkpoints.Formats;

/// <summary>
/// Damages files and watches a reader cope: it reads or refuses, soon, and takes no more memory than the file has bytes for. Every run
/// of the tests draws damage of its own; a failure tells the seed that repeats it.
/// </summary>
internal static partial class Fuzz
{
    private const string SeedVariable = "SKIPWISE_FUZZ_SEED";

    /// <summary>A reader that takes longer hangs; it takes milliseconds where the machine is not busy with something else.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>SKIPWISE_FUZZ=100000 runs more of them.</summary>
    public static int Mutations => Asked("SKIPWISE_FUZZ") is { } asked ? (int)asked : 3000;

    /// <summary>SKIPWISE_FUZZ_SEED=n repeats a run.</summary>
    public static ulong Seed { get; } = Asked(SeedVariable) ?? (ulong)Stopwatch.GetTimestamp();

    /// <summary>One after the other, mutated file <paramref name="path"/> in the reader's hands.</summary>
    /// <param name="mutate">a damaged file, from its number's own random stream</param>
    /// <param name="read">opens and reads everything</param>
    /// <param name="bytesPerByte">memory that a byte of the file may take, besides a constant</param>
    /// <param name="share">of <see cref="Mutations"/>, for readers that take longer</param>
    /// <param name="constant">bytes that reading may take whatever the file's length</param>
    /// <returns>how many were refused</returns>
    public static int Run(string path, Func<KeyedRandom, byte[]> mutate, Action read, long bytesPerByte, double share = 1,
        long constant = 1_000_000)
    {
        int refused = 0, mutations = (int)(Mutations * share);
        long began = Stopwatch.GetTimestamp();
        string place = "";
        Exception? failure = null;
        var worker = new Thread(() =>
        {
            try
            {
                for (int i = 0; i < mutations; i++)
                {
                    byte[] mutated = mutate(new KeyedRandom(Seed, (ulong)i));
                    Volatile.Write(ref place, $"{SeedVariable}={Seed}, mutation {i} of {Path.GetFileName(path)}");
                    Volatile.Write(ref began, Stopwatch.GetTimestamp());
                    refused += IsRefused(path, mutated, read, constant + (bytesPerByte * mutated.Length), place) ? 1 : 0;
                }
            }
            catch (Exception e)
            {
                failure = e;
            }
        })
        { IsBackground = true };
        worker.Start();
        while (!worker.Join(TimeSpan.FromSeconds(1)))
        {
            bool isSlow = Stopwatch.GetElapsedTime(Volatile.Read(ref began)) > s_patience;
            Assert.False(isSlow, $"{Volatile.Read(ref place)}: still being read after {s_patience.TotalSeconds} seconds");
        }
        return failure is null ? refused : throw new InvalidOperationException(failure.Message, failure);
    }

    private static bool IsRefused(string path, byte[] mutated, Action read, long mostBytes, string place)
    {
        File.WriteAllBytes(path, mutated);
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool refused = false;
        try
        {
            read();
        }
        catch (SkipwiseException e)
        {
            Assert.True(e.Message.Contains(Path.GetDirectoryName(path)!, StringComparison.Ordinal), $"{place}: {e.Message}");
            refused = true;
        }
        catch (Exception e)
        {
            Assert.Fail($"{place}: {e}\n{Shown(mutated)}");
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated < mostBytes, $"{place}: {allocated} bytes taken for a file of {mutated.Length}: {Shown(mutated)}");
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
                        long[] edges =
                            [0, 1, -1, -2, short.MaxValue, ushort.MaxValue, int.MaxValue, uint.MaxValue, int.MinValue, long.MaxValue,
                                long.MinValue, bytes.Length, bytes.Length - at, bytes[at] + rng.Between(-4, 4)];
                        BitConverter.GetBytes(rng.Pick(edges)).AsSpan(0, size).CopyTo(bytes.AsSpan(at));
                    }
                    break;
                case 7: // one place copied over another
                    int other = rng.Between(Math.Min(from, last), last),
                        length = Math.Min(rng.Between(1, 30), bytes.Length - Math.Max(at, other));
                    original.AsSpan(Math.Min(other, original.Length), Math.Max(0, Math.Min(length, original.Length - other)))
                        .CopyTo(bytes.AsSpan(at));
                    break;
                default: bytes[at]++; break;
            }
        }
        return bytes;
    }

    /// <summary>Damage that often leaves well-formed JSON, or another text of words and numbers: another value, another key, and now
    /// and then any byte.</summary>
    public static byte[] DamageText(byte[] original, KeyedRandom rng)
    {
        if (rng.Chance(0.4))
        {
            return Damage(original, rng, 0, original.Length);
        }
        string text = Encoding.UTF8.GetString(original);
        for (int change = rng.Between(1, 2); change > 0; change--)
        {
            MatchCollection found = Value().Matches(text);
            if (found.Count == 0)
            {
                break;
            }
            Match chosen = found[(int)rng.Below(found.Count)];
            string[] values =
            [
                "null", "0", "-1", "1", "0.5", "1e999", "-1e308", "2147483647", "2147483648", "9223372036854775808", "1000000000",
                    "true", "\"\"", "\"x\"", "\"../x\"", "\"\\u0000\"", "\"..\"", "\".\"",
                "[]", "{}", "[null]", "[[]]", "[1,2,3]", "{\"a\":null}", "\"(\"", "\"(a+)+$\"", "\"\\ud800\"", "\"\\udc00\\ud800\"",
                    "\"\\u001b[31m\"", "\"\\u202e\"", "\"NaN\"", "\"Infinity\"", "\"\\\"",
                "\"<script>\"", new string('[', 2000), found[(int)rng.Below(found.Count)].Value, found[(int)rng.Below(found.Count)].Value,
            ];
            text = text.Remove(chosen.Index, chosen.Length).Insert(chosen.Index, rng.Pick(values));
        }
        return Encoding.UTF8.GetBytes(text);
    }

    private static string Shown(byte[] bytes) => Encoding.Latin1.GetString(bytes, 0, Math.Min(bytes.Length, 4000));

    private static ulong? Asked(string variable) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out ulong asked) ? asked : null;

    [GeneratedRegex(
        "\"(\\\\.|[^\"\\\\])*\"|-?[0-9.]+([eE][-+]?[0-9]+)?|null|true|false|\\[\\]|\\{\\}|\\[[^\\[\\]{}]*\\]|\\{[^\\[\\]{}]*\\}")]
    private static partial Regex Value();
}
