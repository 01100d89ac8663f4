# Here documents: two on a line, with tabs, one larger than a pipe.
cat <<END; cat <<-"END2"
	a $((6 * 7)) $(echo sub)
END
	b $((6 * 7))
	END2
big=$(seq 20000)
wc -l <<END
$big
END
