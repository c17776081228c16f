using System.Globalization;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Inference;
using Skipwise.Kernels;
using Skipwise.Kernels.Decoding;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Runtime;
using Skipwise.Storage;
using TorchSharp;
using static System.FormattableString;
using static TorchSharp.torch;

namespace Skipwise.Recipes;

/// <summary>
/// The kept beginnings of prompts as a safetensors file. Its metadata names everything that decides keys and values; the file of another
/// model, setting or build is not read, and every page has a checksum. What cannot be used gives one warning.
/// </summary>
/// <param name="path">of the file</param>
/// <param name="identity">what decides the bytes of keys and values, by name</param>
/// <param name="note">receives notes for the user</param>
internal sealed class PromptCacheFile(string path, IReadOnlyDictionary<string, string> identity, IProgress<string>? note) : IPrefixStore
{
    // N pages, P tokens of a page

    private const string Pages = "pages", Tokens = "tokens", Parents = "parents", Lengths = "lengths", Checksums = "checksums";

    /// <summary>The file of a model.</summary>
    /// <param name="folder">made if it is missing, for this user alone</param>
    /// <param name="name">of the model</param>
    /// <exception cref="SkipwiseException">the folder cannot be made or written</exception>
    public static PromptCacheFile Of(
        string folder, string name, TextModelOptions options, PretrainedModel pretrained, IProgress<string>? note)
    {
        CausalLM model = pretrained.Model;
        var identity = new OrderedDictionary<string, string>
        {
            ["format"] = "pt",
            ["build"] = typeof(PromptCacheFile).Assembly.ManifestModule.ModuleVersionId.ToString("N"),
            ["weights"] = WeightChecksum.OfModel(options.Model),
            ["adapter"] = options.Adapter is { } adapter ? WeightChecksum.OfAdapter(adapter) : "none",
            ["config"] = pretrained.Config.TextHash,
            ["rope"] = Invariant($"{options.Rope} {Rotations(model.Config)}"),
            ["quantization"] = Invariant($"{options.QuantizationBits ?? 0}"),
            ["device"] = $"{model.Device.type}",
            ["dtype"] = $"{model.Dtype}",
            ["tf32"] = $"{options.Compute.Tf32}",
            ["cache type"] = $"{KvPageLayout.Of(model.Config, options.Engine.CacheType, model.Dtype).Dtype}",
            ["page tokens"] = Invariant($"{KvPageLayout.PageTokens}"),
            ["threads"] = Invariant($"{TorchThreads.Count}"), // and vectors: the last bits of sums depend on them
            ["vectors"] = Invariant($"{DecodeKernels.Best.Lanes}"),
        };
        string path = Path.Combine(folder, $"{Uri.EscapeDataString(name)}.prompts.safetensors");
        try
        {
            CreateFolder(folder);
            using var probe = new NewFile(path); // told now, not when hours of prompts are to be kept; and removes what a kill left
        }
        catch (Exception e) when (FileSystem.ReasonOf(e) is { } reason)
        {
            throw new SkipwiseException($"{OptionName.Of(nameof(TextModelOptions.PromptCache))} {folder}: {reason.TrimEnd('.')}. " +
                "Name a folder that this user can write.", e);
        }
        return new(path, identity, note);
    }

    /// <inheritdoc/>
    public void Read(KvPagePool pool)
    {
        if (!File.Exists(path))
        {
            return;
        }
        try
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            foreach ((string name, string expected) in identity)
            {
                if (file.Metadata.GetValueOrDefault(name) != expected)
                {
                    throw new SkipwiseException($"{path}: kept for another {name}");
                }
            }
            Read(file, pool);
        }
        catch (SkipwiseException e)
        {
            note?.Report($"warning: {e.Message.TrimEnd('.')}. The kept prompts are not used; the file is replaced when new ones are kept.");
        }
    }

    /// <inheritdoc/>
    public void Write(KvPagePool pool)
    {
        List<KeptPage> kept = pool.Prefixes.List();
        if (kept.Count == 0)
        {
            return;
        }
        try
        {
            using var scope = NewDisposeScope();
            (string, Tensor, ScalarType) Numbers(string name, IEnumerable<int> values, params long[] shape) =>
                (name, tensor(values.ToArray()).view(shape), ScalarType.Int32);
            long count = kept.Count;
            (string Name, Tensor Tensor, ScalarType Type)[] small =
            [
                Numbers(Tokens, kept.SelectMany(page => page.Tokens), count, KvPageLayout.PageTokens),
                Numbers(Parents, kept.Select(page => page.Parent), count),
                Numbers(Lengths, kept.Select(page => page.Length), count),
                (Checksums, tensor(kept.Select(page => (long)Checksum(page)).ToArray()), ScalarType.Int64),
            ];
            ScalarType type = pool.Layout.MemoryType;
            SafetensorsWriter.Write(path,
            [
                .. small.Select(part => new OutputTensor(part.Name, part.Tensor.shape, [part.Tensor], part.Type)),
                new OutputTensor(Pages, [count, .. pool.Layout.Shape], kept.Select(page => page.Page.Memory), type),
            ], identity, isPrivate: true);
        }
        catch (Exception e) when (e is SkipwiseException || FileSystem.ReasonOf(e) is not null)
        {
            note?.Report($"warning: {e.Message.TrimEnd('.')}. The kept prompts are lost.");
        }
    }

    private void Read(SafetensorsFile file, KvPagePool pool)
    {
        TensorEntry pages = Entry(file, Pages);
        long all = pages.Shape is [var first, ..] ? first : 0;
        bool IsTable(string name, ScalarType type, params long[] shape) => // told before memory is taken for it
            Entry(file, name) is var entry && entry.Type.Torch == type && entry.Shape.SequenceEqual(shape);
        if (pages.Type.Torch != pool.Layout.MemoryType || !pages.Shape.SequenceEqual([all, .. pool.Layout.Shape])
            || !IsTable(Parents, ScalarType.Int32, all) || !IsTable(Lengths, ScalarType.Int32, all)
            || !IsTable(Tokens, ScalarType.Int32, all, KvPageLayout.PageTokens) || !IsTable(Checksums, ScalarType.Int64, all))
        {
            throw Damaged();
        }
        int count = checked((int)all);
        int[] parents = Numbers(file, Parents), lengths = Numbers(file, Lengths), tokens = Numbers(file, Tokens);
        using Tensor sums = file.Read(Entry(file, Checksums));
        long[] checksums = [.. sums.data<long>()];
        var read = new List<KeptPage>();
        try
        {
            for (int i = 0; i < count && pool.Used < pool.Capacity; i++)
            {
                read.Add(new(parents[i], lengths[i], new ArraySegment<int>(tokens, i * KvPageLayout.PageTokens, KvPageLayout.PageTokens),
                    pool.Rent()!));
                using Tensor place = read[i].Page.Memory.unsqueeze(0);
                file.ReadInto(pages.Rows(i, 1), place);
                if (parents[i] < -1 || parents[i] >= i || lengths[i] < 1 || Checksum(read[i]) != checksums[i])
                {
                    throw Damaged();
                }
            }
            pool.Prefixes.Restore(read);
            note?.Report($"{path}: {read.Count * KvPageLayout.PageTokens} tokens of earlier prompts are kept.");
        }
        finally
        {
            read.ForEach(page => pool.Release(page.Page));
        }
    }

    /// <summary>The prompts are the users': others of the machine need not see them.</summary>
    private static void CreateFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Rotations of short and long texts.</summary>
    private static string Rotations(DecoderConfig config)
    {
        int window = config.MaxPositionEmbeddings;
        return ContentHash.OfText(string.Join('\n', ((int[])[1, window, 2 * window]).Select(length =>
        {
            RopeFrequencies rope = RopeFrequency.Compute(config.Rope, config.RotaryDim, length);
            return string.Join(' ',
                ((double[])[.. rope.InvFreq, rope.AttentionFactor]).Select(number => number.ToString("R", CultureInfo.InvariantCulture)));
        })));
    }

    /// <summary>Of all that the file says of a page.</summary>
    private static uint Checksum(KeptPage page)
    {
        uint crc = uint.MaxValue;
        foreach (int number in (IEnumerable<int>)[page.Parent, page.Length, .. page.Tokens])
        {
            crc = Crc32CChecksum.Add(crc, BitConverter.GetBytes(number));
        }
        using Tensor host = page.Page.Memory.cpu();
        using TensorPointers pointers = new();
        return ~Crc32CChecksum.Add(crc, pointers.Bytes(host));
    }

    private TensorEntry Entry(SafetensorsFile file, string name) => file.Tensors.GetValueOrDefault(name) ?? throw Damaged();

    private int[] Numbers(SafetensorsFile file, string name)
    {
        using Tensor numbers = file.Read(Entry(file, name));
        return [.. numbers.data<int>()];
    }

    private SkipwiseException Damaged() => new($"{path}: is damaged");
}
