using System.Buffers.Binary;
using System.Text;
using System.Text.RegularExpressions;
using Skipwise.Checkpoints.Formats;
using Skipwise.Numerics;

namespace Skipwise.Tests.Checkpoints.Formats;

public sealed partial class SafetensorsFuzzTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_damaged_file_reads_or_is_refused_and_takes_no_more_memory_than_it_has_bytes()
    {
        byte[] original = File.ReadAllBytes(Fixture.Path("formats", "sharded-safetensors-f16", "model-00002-of-00003.safetensors"));
        string path = _temp["fuzz.safetensors"];
        int lent = 0;
        int refused = Fuzz.Run(path, rng => Mutate(original, rng), () =>
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            long held = 0, length = new FileInfo(path).Length;
            foreach (TensorEntry entry in file.Tensors.Values)
            {
                byte[] bytes = new byte[entry.Length];
                file.ReadBytes(entry, bytes);
                held += entry.Length;
                using TorchSharp.torch.Tensor? mapped = file.Map(entry, alignment: 1);
                Assert.True(mapped is null || mapped.contiguous().bytes.SequenceEqual(bytes));
                lent += mapped is null ? 0 : 1;
                Assert.True(entry.Offset >= 8 && entry.Offset + entry.Length <= length);
            }
            Assert.True(held < length);
        }, bytesPerByte: 40);
        Assert.True(!OperatingSystem.IsLinux() || lent > Fuzz.Mutations / 10);
        // A change inside the data or a name is no fault of the header, so some pass.
        Assert.InRange(refused, Fuzz.Mutations / 2, Fuzz.Mutations - 1);
    }

    private static byte[] Mutate(byte[] original, KeyedRandom rng)
    {
        int headerEnd = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(original);
        byte[] bytes = [.. original];
        for (int change = rng.Between(1, 3); change > 0 && bytes.Length > 9; change--)
        {
            int end = Math.Min(headerEnd, bytes.Length);
            switch (rng.Below(9))
            {
                case 0: // any bit
                    bytes[rng.Below(bytes.Length)] ^= (byte)(1 << (int)rng.Below(8));
                    break;
                case 1: // any byte of the header
                    bytes[rng.Below(end)] = (byte)rng.Below(256);
                    break;
                case 2: // cut off
                    bytes = bytes[..(int)rng.Below(bytes.Length)];
                    break;
                case 3: // too long
                    bytes = [.. bytes, .. new byte[rng.Between(1, 40)]];
                    break;
                case 4: // a length that lies
                    BinaryPrimitives.WriteInt64LittleEndian(bytes,
                        rng.Chance(0.5) ? (long)rng.NextUInt64() >> (int)rng.Below(63) : end - 8 + rng.Between(-9, 9));
                    break;
                case 5: // a piece of the header twice, or gone
                    int from = rng.Between(8, end - 1), to = rng.Between(from, Math.Min(end - 1, from + 90));
                    bytes = Reheader(bytes, end, rng.Chance(0.5)
                        ? [.. bytes[8..to], .. bytes[from..end]]
                        : [.. bytes[8..from], .. bytes[to..end]]);
                    headerEnd = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
                    break;
                case 6: // two characters swapped
                    int a = rng.Between(8, end - 1), b = rng.Between(8, end - 1);
                    (bytes[a], bytes[b]) = (bytes[b], bytes[a]);
                    break;
                default: // another number, header still well formed
                    string[] numbers =
                        ["0", "1", "-1", "2147483648", "9223372036854775807", "9223372036854775808", "1e308", "1.5", "null", "[]",
                            $"{rng.Below(20000)}", "32", "64"];
                    string header = Encoding.Latin1.GetString(bytes[8..end]);
                    MatchCollection found = Number().Matches(header);
                    if (found.Count > 0)
                    {
                        Match chosen = found[(int)rng.Below(found.Count)];
                        header = header.Remove(chosen.Index, chosen.Length).Insert(chosen.Index, rng.Pick(numbers));
                        bytes = Reheader(bytes, end, Encoding.Latin1.GetBytes(header));
                        headerEnd = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
                    }
                    break;
            }
        }
        return bytes;
    }

    private static byte[] Reheader(byte[] bytes, int end, byte[] header)
    {
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        return [.. length, .. header, .. bytes[end..]];
    }

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Number();
}
