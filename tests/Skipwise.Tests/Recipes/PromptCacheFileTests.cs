using Skipwise.Inference;
using Skipwise.Recipes;
using Skipwise.Rope;
using Skipwise.Serving;

namespace Skipwise.Tests.Recipes;

/// <summary>A model that is loaded again begins with the prompts that it has read before, if its file is sound and its own.</summary>
public sealed class PromptCacheFileTests : IDisposable
{
    private const int Document = 700, WholePages = 512;
    private static readonly string s_shipped = Path.Combine(AppContext.BaseDirectory, "models", "skipwise-tiny");
    private readonly TempFolder _folder = new();
    private readonly List<string> _notes = [];

    public void Dispose() => _folder.Dispose();

    private string Cache => Path.Combine(_folder.Path, "prompts");

    private string File => Assert.Single(Directory.GetFiles(Cache));

    public static TheoryData<KvCacheType, int?> Kinds => new()
    {
        { KvCacheType.Auto, null }, { KvCacheType.Bfloat16, null }, { KvCacheType.Int8, 8 },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_document_is_not_read_again_after_a_restart(KvCacheType type, int? bits)
    {
        TextModelOptions options = Options with { Engine = new() { CacheType = type }, QuantizationBits = bits };
        (string first, long read) = await Ask(options, Prompt(3));
        Assert.Equal(0, read);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File)); // it holds the prompts
        }
        (string again, long kept) = await Ask(options, Prompt(3));
        Assert.Equal((first, WholePages), (again, kept));
        (string other, long stillKept) = await Ask(options, Prompt(4)); // another question about the document
        Assert.Equal(WholePages, stillKept);
        (string alone, long none) = await Ask(options with { PromptCache = null }, Prompt(4));
        Assert.Equal((alone, 0), (other, none));
        Assert.Equal(Enumerable.Repeat($"{File}: 512 tokens of earlier prompts are kept.", 2), _notes);
    }

    /// <summary>Several documents with a common beginning, in a cache that holds only some of their pages after the restart.</summary>
    [Fact]
    public async Task As_many_pages_are_kept_as_there_is_memory_for()
    {
        int[][] prompts = [[.. Text(1, 300), .. Text(2, 300)], [.. Text(1, 300), .. Text(3, 600)], Text(4, 300)];
        using (TextModel model = Load(Options))
        {
            foreach (int[] prompt in prompts)
            {
                await model.Generate(Request(prompt)).ReadAsync();
            }
        }
        using (TextModel all = Load(Options))
        {
            Assert.Equal(5 * 256 * 6144, all.Engine.Statistics.CacheBytesInUse); // 1 common one, 1, 2 and 1
            foreach (int[] prompt in prompts)
            {
                await all.Generate(Request(prompt)).ReadAsync();
            }
            Assert.Equal(512 + 768 + 256, all.Engine.Statistics.CachedTokens);
        }
        using TextModel few = Load(Options with { Engine = new() { CacheBytes = 4 * 256 * 6144 } });
        Assert.Equal(4 * 256 * 6144, few.Engine.Statistics.CacheBytesInUse);
        await few.Generate(Request(Text(5, 900))).ReadAsync(); // they give way
    }

    /// <summary>Less memory than the file has pages: those of the prompt that was used last are there.</summary>
    [Fact]
    public async Task The_prompts_used_last_are_kept()
    {
        int[] first = Text(6, 600), second = Text(7, 600);
        using (TextModel model = Load(Options))
        {
            foreach (int[] prompt in (int[][])[first, second, first])
            {
                await model.Generate(Request(prompt)).ReadAsync();
            }
        }
        using TextModel few = Load(Options with { Engine = new() { CacheBytes = 3 * 256 * 6144 } });
        await few.Generate(Request(first)).ReadAsync();
        Assert.Equal(512, few.Engine.Statistics.CachedTokens);
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_refused_at_the_start()
    {
        string taken = System.IO.Path.Combine(Cache, "file");
        Directory.CreateDirectory(Cache);
        System.IO.File.WriteAllText(taken, "");
        SkipwiseException refused = Assert.Throws<SkipwiseException>(() => LoadTextModel.Run(Options with { PromptCache = taken }));
        Assert.StartsWith($"{OptionName.Of(nameof(TextModelOptions.PromptCache))} {taken}: ", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_of_another_rotation_are_not_taken()
    {
        TextModelOptions options = Options with { Rope = new() { Type = RopeType.DynamicNtk, Factor = 2 } };
        (string first, _) = await Ask(options, Prompt(3));
        (string again, long kept) = await Ask(options, Prompt(3));
        Assert.Equal((first, WholePages), (again, kept));
        (_, long longer) = await Ask(options, [.. Prompt(3), 5]); // every length beyond the window has its own rotation
        Assert.Equal(0, longer);
    }

    public static TheoryData<string, TextModelOptions> Others => new()
    {
        { "cache type", Options with { Engine = new() { CacheType = KvCacheType.Float16 } } },
        { "rope", Options with { Rope = new() { Type = RopeType.Yarn, Factor = 2 } } },
        { "quantization", Options with { QuantizationBits = 4 } },
    };

    [Theory]
    [MemberData(nameof(Others), DisableDiscoveryEnumeration = true)]
    public async Task The_file_of_other_settings_is_told_and_replaced(string name, TextModelOptions options)
    {
        await Ask(Options, Prompt(3));
        (string text, long kept) = await Ask(options, Prompt(3));
        Assert.Equal(0, kept);
        Assert.Contains($"kept for another {name}.", Assert.Single(_notes), StringComparison.Ordinal);
        _notes.Clear();
        Assert.Equal((text, WholePages), await Ask(options, Prompt(3)));
    }

    /// <summary>A changed byte anywhere, and a file that ends early.</summary>
    [Fact]
    public async Task A_damaged_file_is_told_and_ignored()
    {
        (string text, _) = await Ask(Options, Prompt(3));
        byte[] whole = await System.IO.File.ReadAllBytesAsync(File);
        int header = 8 + BitConverter.ToInt32(whole);
        foreach (int place in (int[])[0, 9, header, header + 2100, whole.Length - 1, -1, -1000])
        {
            byte[] bytes = place < 0 ? whole[..^-place] : [.. whole];
            if (place >= 0)
            {
                bytes[place] ^= 64;
            }
            await System.IO.File.WriteAllBytesAsync(File, bytes);
            _notes.Clear();
            Assert.Equal((text, 0L), await Ask(Options, Prompt(3)));
            Assert.Contains("The kept prompts are not used", Assert.Single(_notes), StringComparison.Ordinal);
        }
        _notes.Clear();
        Assert.Equal((text, WholePages), await Ask(Options, Prompt(3))); // the last one was replaced
        Assert.EndsWith("are kept.", Assert.Single(_notes), StringComparison.Ordinal);
    }

    /// <summary>Answers to a prompt of a model that is loaded for it, and the tokens of the prompt that it did not read.</summary>
    private async Task<(string Text, long Kept)> Ask(TextModelOptions options, int[] prompt)
    {
        using TextModel model = Load(options);
        (string text, _) = await model.Generate(Request(prompt)).ReadAsync();
        Assert.Equal(prompt.Length, model.Engine.Statistics.PromptTokens);
        return (text, model.Engine.Statistics.CachedTokens);
    }

    private TextModel Load(TextModelOptions options) =>
        LoadTextModel.Run(options with { PromptCache = options.PromptCache is null ? null : Cache },
            new SynchronousProgress<string>(note =>
            {
                if (note.Contains("prompts", StringComparison.Ordinal))
                {
                    _notes.Add(note);
                }
            }));

    private static TextModelOptions Options => new() { Model = s_shipped, Compute = new() { Device = "cpu" }, PromptCache = "its folder" };

    private static TextRequest Request(int[] prompt) => new() { Prompt = prompt, Options = new() { MaxNewTokens = 12 } };

    private static int[] Prompt(int question) => [.. Text(1, Document), 1, question];

    private static int[] Text(ulong seed, int length) => TinyModel.Tokens(seed, length, 1024);
}
