# words.pl [LINES]: a program for the benchmark: makes lines of text, counts their words and sorts them.
use strict;
use warnings;

my $lines = @ARGV ? $ARGV[0] : 1000;
my %places;
for my $number (0 .. $lines - 1) {
    my $line = join ' ', map { 'word' . $number * $_ % 9973 } 1, 7, 61, 1009;
    push @{ $places{$_} }, $number for split ' ', $line;
}
my $words = 0;
my $text = '';
for my $word (sort { @{ $places{$b} } <=> @{ $places{$a} } || $a cmp $b } keys %places) {
    $words += @{ $places{$word} };
    $text .= "$word: " . join(',', @{ $places{$word} }) . "\n";
}
print "$lines lines, $words words\n";
