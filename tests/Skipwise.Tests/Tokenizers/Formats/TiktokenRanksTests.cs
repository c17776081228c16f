using System.Text;
using CsCheck;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Tokenizers.Formats;

public class TiktokenRanksTests
{
    /// <summary>A learned vocabulary, filled up to the size by which a known one is told with pieces that no text spells.</summary>
    private static string[] Ranks(int size)
    {
        var tiny = TinyBpe.ByteLevel();
        var pieces = tiny.Pieces.Select(ByteAlphabet.ToBytes).ToList();
        for (int filler = 0; pieces.Count < size; filler++)
        {
            pieces.Add([0xFF, .. BitConverter.GetBytes(filler), 0xFF]); // 0xFF is in no UTF-8
        }
        return [.. pieces.Select((bytes, rank) => $"{Convert.ToBase64String(bytes)} {rank}")];
    }

    private static readonly string[] s_gpt2 = Ranks(50256);

    private static ITokenizer Load(string name, string content, params (string Name, string Content)[] beside)
    {
        using var folder = new TempFolder();
        folder.Write(name, content);
        foreach (var (file, text) in beside)
        {
            folder.Write(file, text);
        }
        return TokenizerLoader.Load(folder.Path);
    }

    [Fact]
    public void GPT2s_ranks_give_the_ids_of_its_merges()
    {
        var ranks = Load("gpt2.tiktoken", string.Join('\n', s_gpt2));
        int[] corpus = Load("tokenizer.json", TinyBpe.ByteLevel().ByteLevelJson()).Encode(TinyBpe.Corpus);
        Assert.Equal([.. corpus, 50256, .. corpus], ranks.Encode(TinyBpe.Corpus + "<|endoftext|>" + TinyBpe.Corpus));
        Assert.Equal(TinyBpe.Corpus, ranks.Decode(ranks.Encode(TinyBpe.Corpus)));
        Assert.Equal((50256, 50256, false, 50257), (ranks.BosId, ranks.EosId, ranks.AddsBos, ranks.VocabularySize));
    }

    [Fact]
    public void Llama3s_ranks_come_as_tokenizer_model_and_have_its_special_tokens_and_words()
    {
        var tokenizer = Load("tokenizer.model", string.Join('\n', Ranks(128000)) + "\n");
        Assert.Equal((128000, 128001, true, 128256), (tokenizer.BosId, tokenizer.EosId, tokenizer.AddsBos, tokenizer.VocabularySize));
        Assert.Equal([128000, 128006, 128007, 128009, 128255],
            tokenizer.Encode("<|begin_of_text|><|start_header_id|><|end_header_id|><|eot_id|><|reserved_special_token_250|>"));
        Assert.Equal(TinyBpe.Corpus, tokenizer.Decode(tokenizer.Encode(TinyBpe.Corpus)));
        // the tiny vocabulary learned "234" within " 1234", which Llama 3 cuts into " ", "123", "4"
        Assert.Equal([.. tokenizer.Encode(" "), .. tokenizer.Encode("123"), .. tokenizer.Encode("4")], tokenizer.Encode(" 1234"));
    }

    [Theory]
    [InlineData("IQ== 0\nIg== 1\n", "vocabulary of 2 pieces")]
    [InlineData("IQ== 0\nIg==\n", "line 2")]
    [InlineData("IQ== 0\nIg== x\n", "line 2")]
    [InlineData("IQ== 0\nIg== 2000000000\n", "line 2")]
    [InlineData("IQ== 0\n???? 1\n", "line 2")]
    public void What_is_not_understood_is_named_with_its_place(string content, string word)
    {
        Assert.Contains(word, Assert.Throws<SkipwiseException>(() => Load("x.tiktoken", content)).Message);
        Assert.Contains(word, Assert.Throws<SkipwiseException>(() => Load("tokenizer.model", content)).Message);
    }

    [Fact]
    public void A_damaged_file_loads_or_is_a_clear_error()
    {
        byte[] whole = Encoding.ASCII.GetBytes(string.Join('\n', s_gpt2));
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte).Array[1, 3].Sample(changes =>
        {
            byte[] damaged = [.. whole];
            foreach (var (at, value) in changes)
            {
                damaged[at] = value;
            }
            using var folder = new TempFolder();
            folder.Write("gpt2.tiktoken", damaged);
            Robust.Try(() => TokenizerLoader.Load(folder.Path).Encode(TinyBpe.Corpus));
        }, iter: 10, threads: 1);
    }
}
